import type { JsonValue } from "@gaiaftcl/canonical-json";
import * as v from "valibot";

/** The request was carried out. */
export interface OkOutcome {
  readonly status: "ok";
  readonly [name: string]: JsonValue;
}

/** The request was not carried out: not allowed or bad arguments (`refused`), or not now (`blocked`). */
export interface DeclinedOutcome {
  readonly status: "refused" | "blocked";
  /** What a program looks at: upper case with underscores. */
  readonly code: string;
  /** What a person reads. */
  readonly reason: string;
  readonly [name: string]: JsonValue;
}

/** What came of a request (cell format, section 6). */
export type Outcome = OkOutcome | DeclinedOutcome;

const outcomeSchema = v.variant("status", [
  v.looseObject({ status: v.literal("ok") }),
  v.looseObject({
    status: v.picklist(["refused", "blocked"]),
    code: v.string(),
    reason: v.string(),
  }),
]);

/** True for an object with a known `status` and, unless that is `ok`, a `code` and a `reason`. */
export function isOutcome(value: unknown): value is Outcome {
  return v.is(outcomeSchema, value);
}

export function refused(code: string, reason: string): DeclinedOutcome {
  return { status: "refused", code, reason };
}

export function blocked(code: string, reason: string): DeclinedOutcome {
  return { status: "blocked", code, reason };
}
