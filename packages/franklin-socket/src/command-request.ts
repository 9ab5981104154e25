import { encode, type JsonValue } from "@gaiaftcl/canonical-json";
import { FranklinError } from "./franklin-error.js";
import { type DeclinedOutcome, refused } from "./outcome.js";

/** A request as it is sealed and, unless refused at the door, handled. */
export interface CommandRequest {
  readonly requestId: string;
  readonly method: string;
  readonly args: JsonValue;
  /** Why it goes no further; it is sealed all the same. */
  readonly refusal?: DeclinedOutcome;
}

/** What stands on one line of a log: no control characters, no line separators. */
const ONE_LINE = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]{1,128}$/u;

/**
 * Reads a request (cell format, section 6): `request_id` of 1 to 128 characters without control
 * characters and line separators, `method` likewise, `args` an object; other members are not
 * looked at.
 *
 * A request with an id but a bad method or bad arguments is refused, and sealed with what it had:
 * a method that is no text is sealed as its JSON text, or as nothing where it is absent; absent
 * arguments are sealed as null.
 *
 * @throws FranklinError `PROTOCOL_VIOLATION` where nothing could be answered: no object, or no id
 */
export function readRequest(value: JsonValue): CommandRequest {
  if (!isObject(value)) {
    throw new FranklinError("PROTOCOL_VIOLATION", "expected a request, found no JSON object");
  }
  const requestId = member(value, "request_id");
  if (typeof requestId !== "string" || !ONE_LINE.test(requestId)) {
    throw new FranklinError(
      "PROTOCOL_VIOLATION",
      "expected a request_id of 1 to 128 characters without control characters",
    );
  }
  const given = member(value, "method");
  const method = typeof given === "string" ? given : given === undefined ? "" : encode(given);
  const args = member(value, "args");
  const request = { requestId, method, args: args ?? null };
  if (typeof given !== "string" || !ONE_LINE.test(given)) {
    const reason = "expected method as text of 1 to 128 characters without control characters";
    return { ...request, refusal: refused("BAD_REQUEST", reason) };
  }
  if (!isObject(request.args)) {
    return { ...request, refusal: refused("BAD_ARGS", "expected args as a JSON object") };
  }
  return request;
}

/** True for what a request that is not refused has as arguments. */
export function isObject(
  value: JsonValue | undefined,
): value is { readonly [name: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function member(
  object: { readonly [name: string]: JsonValue },
  name: string,
): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
