import type { FederationKeys } from "@gaiaftcl/witness";
import { type PublicKey, parsePublicKey } from "@gaiaftcl/witness/ed25519";
import { parse } from "smol-toml";
import * as v from "valibot";
import { FranklinError, messageOf, quote } from "./franklin-error.js";
import { contextProblem, ensureOperatorKey } from "./operator-key.js";

/** Who may connect, and what for. */
export interface Operator {
  readonly context: string;
  readonly publicKey: PublicKey;
  /** The verbs this operator may use; absent means all. */
  readonly verbs?: ReadonlySet<string>;
}

/** The operators of a cell by their context. */
export type Operators = ReadonlyMap<string, Operator>;

const operatorSchema = v.union([
  v.string(),
  v.strictObject({
    public_key: v.string(),
    verbs: v.optional(v.array(v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,127}$/)))),
  }),
]);

/**
 * Reads `operators.toml` (cell format, section 6): in the table `[operators]`, each context has a
 * public key (64 hex digits, base64 of 32 bytes or an SPKI PEM), or a table with `public_key` and,
 * to grant only some verbs, `verbs`:
 *
 * ```toml
 * [operators]
 * alice = "4e61a8ba…"
 *
 * [operators.bob]
 * public_key = "9606746…"
 * verbs = ["franklin_authority_show"]
 * ```
 *
 * Anything else in an operator's table is refused, so that a misspelt `verbs` does not grant
 * everything.
 *
 * @param federationKeys the federation's keys, none of which may be an operator's: what an operator
 *   signs during the handshake is chosen by the peer
 * @throws FranklinError `OPERATORS_INVALID` naming the context, `FEDERATION_KEY`
 */
export function loadOperators(toml: string, federationKeys?: FederationKeys): Operators {
  const operators = new Map<string, Operator>();
  for (const [context, entry] of Object.entries(operatorsTable(toml))) {
    operators.set(context, readOperator(context, entry));
  }
  ensureNoFederationKey(operators, federationKeys);
  return operators;
}

/** @throws FranklinError `FEDERATION_KEY` naming the operator whose key is one of the federation's. */
export function ensureNoFederationKey(
  operators: Operators,
  federationKeys: FederationKeys | undefined,
): void {
  for (const { context, publicKey } of operators.values()) {
    ensureOperatorKey(context, publicKey, federationKeys);
  }
}

function operatorsTable(toml: string): object {
  let document: object;
  try {
    document = parse(toml);
  } catch (cause) {
    throw new FranklinError("OPERATORS_INVALID", `operators: no TOML: ${messageOf(cause)}`, {
      cause,
    });
  }
  const table: unknown = "operators" in document ? document.operators : undefined;
  const isTable = typeof table === "object" && table !== null && !Array.isArray(table);
  if (isTable && !(table instanceof Date)) return table;
  throw invalid("expected a table [operators] of context = public key, found none");
}

function readOperator(context: string, entry: unknown): Operator {
  const problem = contextProblem(context);
  if (problem !== undefined) throw invalid(`context ${quote(context)}: ${problem}`);
  const checked = v.safeParse(operatorSchema, entry);
  if (!checked.success) {
    throw invalid(
      `operator ${quote(context)}: expected a public key, or a table of public_key and optional verbs (names in lower case)`,
    );
  }
  const { public_key: text, verbs } =
    typeof checked.output === "string"
      ? { public_key: checked.output, verbs: undefined }
      : checked.output;
  const publicKey = readKey(context, text);
  return { context, publicKey, ...(verbs === undefined ? {} : { verbs: new Set(verbs) }) };
}

function readKey(context: string, text: string): PublicKey {
  try {
    return parsePublicKey(text);
  } catch (cause) {
    throw invalid(`operator ${quote(context)}: ${messageOf(cause)}`, cause);
  }
}

function invalid(message: string, cause?: unknown): FranklinError {
  return new FranklinError("OPERATORS_INVALID", message, { cause });
}
