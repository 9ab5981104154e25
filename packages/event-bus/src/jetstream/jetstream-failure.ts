import { EventBusError, type EventBusErrorCode } from "../event-bus-error.js";

/** API errors that trying again does not change: no such stream, wrong-last-*, too large. */
const LASTING: ReadonlySet<number> = new Set([10_059, 10_060, 10_070, 10_071, 10_164, 10_054]);

function numberOf(thrown: unknown, field: "code" | "status"): number | undefined {
  if (typeof thrown !== "object" || thrown === null) return undefined;
  const value = (thrown as Record<string, unknown>)[field];
  return typeof value === "number" ? value : undefined;
}

/** Whether the server said that there is no such message. */
export function isNotFound(thrown: unknown): boolean {
  return numberOf(thrown, "code") === 404 || numberOf(thrown, "status") === 404;
}

/** A client's failure as an error of this package (event bus format, section 10). */
export function jetStreamFailure(thrown: unknown, doing: string): EventBusError {
  if (thrown instanceof EventBusError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const lasts =
    LASTING.has(numberOf(thrown, "code") ?? 0) || /max_payload|permissions/i.test(message);
  const code: EventBusErrorCode = lasts ? "FATAL" : "TRANSIENT";
  return new EventBusError(code, `${doing}: ${message}`, { cause: thrown });
}
