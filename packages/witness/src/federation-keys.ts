import { parse } from "smol-toml";
import { CONTEXTS, type FederationContext, isFederationContext } from "./contexts.js";
import { type PublicKey, parsePublicKey, publicKeyToHex } from "./ed25519-keys.js";
import { quote, WitnessError } from "./witness-error.js";

/** The keys a verifier trusts, one for each context. */
export interface FederationKeys {
  readonly keys: ReadonlyMap<FederationContext, PublicKey>;
  /** True when one key may stand for several contexts. */
  readonly singleOperator: boolean;
  /** Keys that are no longer trusted, as 64 lower-case hex digits. */
  readonly revoked: ReadonlySet<string>;
}

/** What a table of keys may say beside the keys. */
export interface FederationKeyOptions {
  readonly singleOperator?: boolean;
  readonly revoked?: Iterable<PublicKey>;
}

/**
 * Federation keys from values: all five contexts, distinct unless there is a single operator, and
 * none revoked (cell format, section 2).
 *
 * @throws WitnessError `FEDERATION_KEYS`
 */
export function federationKeys(
  keys: Iterable<readonly [FederationContext, PublicKey]>,
  options: FederationKeyOptions = {},
): FederationKeys {
  const table: FederationKeys = {
    keys: new Map(keys),
    singleOperator: options.singleOperator ?? false,
    revoked: new Set([...(options.revoked ?? [])].map(publicKeyToHex)),
  };
  const fault = federationKeysFault(table);
  if (fault !== undefined) throw unusable(fault);
  return table;
}

/**
 * Why a table of keys cannot be used, or undefined when it can. The table may be anything: callers
 * without types give texts and objects, and those must fail rather than pass for no keys.
 */
export function federationKeysFault(table: FederationKeys): string | undefined {
  if (!isKeyTable(table)) return "they are no table of keys; loadFederationKeys makes one";
  const seen = new Map<string, FederationContext>();
  for (const context of table.keys.keys()) {
    if (!isFederationContext(context)) return `unknown context ${quote(String(context))}`;
  }
  for (const context of CONTEXTS) {
    const hex = hexOf(table.keys.get(context));
    if (hex === undefined) {
      return table.keys.has(context)
        ? `the key of ${context} is no PublicKey; parsePublicKey makes one`
        : `no key for ${context}`;
    }
    if (table.revoked.has(hex)) return `the key of ${context}, ${hex}, is revoked`;
    const other = seen.get(hex);
    if (other !== undefined && table.singleOperator !== true) {
      return `${other} and ${context} have the same key; five holders have five keys, and one holder says single_operator = true`;
    }
    seen.set(hex, context);
  }
  return undefined;
}

/** The key of a context, where there is one that can be used. */
export function keyFor(table: FederationKeys, context: FederationContext): PublicKey | undefined {
  const key = isKeyTable(table) ? table.keys.get(context) : undefined;
  return hexOf(key) === undefined ? undefined : key;
}

function isKeyTable(table: unknown): table is FederationKeys {
  return (
    typeof table === "object" &&
    table !== null &&
    "keys" in table &&
    can(table.keys, ["get", "has", "keys"]) &&
    "revoked" in table &&
    can(table.revoked, ["has"])
  );
}

function can(value: unknown, methods: readonly string[]): boolean {
  if (typeof value !== "object" || value === null) return false;
  return methods.every((method) => typeof Reflect.get(value, method) === "function");
}

function hexOf(key: PublicKey | undefined): string | undefined {
  try {
    return key === undefined ? undefined : publicKeyToHex(key);
  } catch {
    return undefined;
  }
}

/**
 * Reads the text of a `federation_keys.toml` (cell format, section 2): `[public_keys]` with a key for
 * each context as 64 hex digits, base64 of 32 bytes or an SPKI PEM; at the top level, before it,
 * `single_operator` and `revoked`. A text that cannot be used is an error, never "no keys"; a member
 * that is not known is one too, since it may be a misspelt `revoked`.
 *
 * @throws WitnessError `FEDERATION_KEYS`, naming the member.
 */
export function loadFederationKeys(toml: string): FederationKeys {
  const table = parseToml(toml);
  for (const name of Object.keys(table)) {
    if (name !== "public_keys" && name !== "single_operator" && name !== "revoked") {
      throw unusable(
        `unknown member ${quote(name)}; known are public_keys, single_operator and revoked`,
      );
    }
  }
  const publicKeys = own(table, "public_keys");
  if (!isTable(publicKeys)) throw unusable("no table [public_keys]");
  const singleOperator = own(table, "single_operator") ?? false;
  if (typeof singleOperator !== "boolean") throw unusable("single_operator is not true or false");
  const revoked = own(table, "revoked") ?? [];
  if (!Array.isArray(revoked)) throw unusable("revoked is not an array of keys");

  const keys = Object.entries(publicKeys).map(([context, key]) => {
    if (isFederationContext(context))
      return [context, keyAt(`public_keys.${context}`, key)] as const;
    throw unusable(
      `unknown context ${quote(context)} in [public_keys]; known are ${CONTEXTS.join(", ")}`,
    );
  });
  return federationKeys(keys, {
    singleOperator,
    revoked: revoked.map((key, index) => keyAt(`revoked[${index}]`, key)),
  });
}

function parseToml(toml: string): Readonly<Record<string, unknown>> {
  if (typeof toml !== "string") throw unusable(`expected TOML text, found ${typeof toml}`);
  try {
    return parse(toml);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw unusable(`not TOML: ${reason}`, cause);
  }
}

function keyAt(where: string, value: unknown): PublicKey {
  if (typeof value !== "string") throw unusable(`${where} is not a text`);
  try {
    return parsePublicKey(value);
  } catch (cause) {
    throw unusable(`${where}: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function own(table: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function unusable(fault: string, cause?: unknown): WitnessError {
  return new WitnessError(
    "FEDERATION_KEYS",
    `federation keys cannot be used: ${fault}`,
    cause === undefined ? undefined : { cause },
  );
}
