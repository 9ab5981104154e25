import { ErrorReply } from "@redis/client";
import { EventBusError, type EventBusErrorCode } from "../event-bus-error.js";

/** What a server says that it may not say the next time. */
const PASSING = [
  "LOADING",
  "MOVED",
  "ASK",
  "TRYAGAIN",
  "CLUSTERDOWN",
  "MASTERDOWN",
  "READONLY",
  "BUSY ",
  "NOREPLICAS",
  "OOM",
  "MISCONF",
];

/** Whether the server itself refused: a command without an answer may have been carried out. */
export function isAnswer(thrown: unknown): boolean {
  return thrown instanceof ErrorReply;
}

/** A client's failure as an error of this package (event bus format, section 9.4). */
export function redisFailure(thrown: unknown, doing: string): EventBusError {
  if (thrown instanceof EventBusError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  let code: EventBusErrorCode = "TRANSIENT";
  if (isAnswer(thrown) && !PASSING.some((word) => message.includes(word))) code = "FATAL";
  return new EventBusError(code, `${doing}: ${message}`, { cause: thrown });
}
