import { ensureIdentityText } from "@gaiaftcl/witness";
import * as v from "valibot";
import { ALGORITHM_NAMES, type AlgorithmName } from "./algorithms.js";
import { MAX_EXTRANONCES, MAX_NONCES } from "./evidence.js";
import { type Outcome, refused } from "./outcome.js";

/** An id as the rows of this package have them: short, printable, without separators. */
const id = v.pipe(
  v.string(),
  v.minLength(1, "expected at least one character"),
  v.check(
    isIdentityText,
    'expected NFC text of at most 255 bytes without "|", ";", "=" and controls',
  ),
);

/** `strictObject` alone would take an array, or an object of a class, for its properties. */
const object = v.custom<object>(isPlainObject, "expected an object");

const count = (most: number): v.GenericSchema<number> =>
  v.pipe(v.number(), v.integer("expected an integer"), v.minValue(1), v.maxValue(most));

const seed = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "expected 64 lower-case hex digits"));

export interface ComposeArguments {
  readonly session_seed_hex?: string | undefined;
  readonly extranonce_count: number;
  readonly nonces_per_extranonce: number;
}

export interface SessionArguments {
  readonly session_id?: string | undefined;
}

/** The arguments of a verb (cell format, section 6); unknown ones are refused. */
export type ArgumentsSchema<Arguments> = v.GenericSchema<unknown, Arguments>;

export const composeArguments: ArgumentsSchema<ComposeArguments> = v.pipe(
  object,
  v.strictObject({
    session_seed_hex: v.optional(seed),
    extranonce_count: v.optional(count(MAX_EXTRANONCES), 4),
    nonces_per_extranonce: v.optional(count(MAX_NONCES), 65_536),
  }),
  v.check(
    (args) => args.extranonce_count * args.nonces_per_extranonce <= MAX_NONCES,
    `expected at most ${MAX_NONCES} nonces in all`,
  ),
);

export const replayArguments: ArgumentsSchema<{ readonly session_id: string }> = v.pipe(
  object,
  v.strictObject({ session_id: id }),
);

export const evaluateArguments: ArgumentsSchema<
  SessionArguments & { readonly algorithm: AlgorithmName }
> = v.pipe(
  object,
  v.strictObject({
    algorithm: v.picklist(ALGORITHM_NAMES, `expected one of ${ALGORITHM_NAMES.join(", ")}`),
    session_id: v.optional(id),
  }),
);

export const evaluateAllArguments: ArgumentsSchema<SessionArguments> = v.pipe(
  object,
  v.strictObject({ session_id: v.optional(id) }),
);

export const advanceArguments: ArgumentsSchema<
  SessionArguments & { readonly submission_id: string }
> = v.pipe(object, v.strictObject({ submission_id: id, session_id: v.optional(id) }));

/** The arguments, checked and with their defaults, or the refusal that says what is wrong with them. */
export function parseArguments<Arguments>(
  schema: ArgumentsSchema<Arguments>,
  args: unknown,
): { readonly args: Arguments } | { readonly refusal: Outcome } {
  const result = v.safeParse(schema, args, { abortEarly: true });
  if (result.success) return { args: result.output };
  const [issue] = result.issues;
  const where = v.getDotPath(issue) ?? "arguments";
  return { refusal: refused("ARGUMENTS_INVALID", `${where}: ${issue.message}`) };
}

function isPlainObject(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isIdentityText(text: string): boolean {
  try {
    ensureIdentityText("text", text);
    return true;
  } catch {
    return false;
  }
}
