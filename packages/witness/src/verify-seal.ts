import { CONTEXTS, type FederationContext } from "./contexts.js";
import type { Cosignature } from "./cosignature.js";
import { facets } from "./facets.js";
import type { FederationKeys } from "./federation-keys.js";
import type { SealIdentity } from "./identity.js";
import { parseQuintetEntry, type QuintetEntry } from "./quintet-entry.js";
import { isSha256Hex, type Sha256Hex, sha256Hex } from "./sha256.js";
import {
  type Check,
  isLevel,
  type Level,
  type VerificationReport,
  verificationReport,
} from "./verification-report.js";
import { checkSignatures } from "./verify-signatures.js";
import { quote, WitnessError } from "./witness-error.js";

/** A seal as it was read, before anything about it is known to hold. */
export interface UnverifiedSeal {
  readonly canonicalWitness: string;
  readonly witnessHash: string;
  readonly quintet: readonly string[];
}

export interface VerifySealOptions {
  /** The trusted keys. With them every context must be signed. */
  readonly keys?: FederationKeys | undefined;
  /** Signatures that stand beside a row whose quintet is five plain facets. */
  readonly cosignatures?: readonly Cosignature[] | undefined;
  /** The least level to accept: `witness` by default, and always `signed` with keys. */
  readonly require?: Level | undefined;
  /** The canonical witness as the caller recomputed it from the fields of the sealed thing. */
  readonly expectedWitness?: string | undefined;
}

/**
 * Verifies a seal and reports every check (cell format, section 2). No text in `seal` or
 * `cosignatures` makes it throw.
 *
 * Without `expectedWitness` the text is the sealed thing itself, and that it was not compared with
 * any fields is listed as skipped. Without keys, `ok` means consistent, not authentic. Entries in a
 * form of the format must recompute; a foreign `selfsigned:` text is listed as skipped and leaves
 * the level at `witness`; anything else in a quintet fails.
 *
 * @throws WitnessError `ARGUMENT` when `require` is not a level.
 */
export function verifySeal(
  identity: SealIdentity,
  seal: UnverifiedSeal,
  options: VerifySealOptions = {},
): VerificationReport {
  const { keys, cosignatures = [], expectedWitness } = options;
  const required = keys === undefined ? (options.require ?? "witness") : "signed";
  if (!isLevel(required)) {
    throw new WitnessError(
      "ARGUMENT",
      `expected a level to require, found ${quote(String(required))}`,
    );
  }

  const checks: Check[] = [];
  const hash = checkWitness(checks, seal, expectedWitness);
  const expected = hash === undefined ? undefined : recompute(checks, identity, hash);
  const entries = readQuintet(checks, seal.quintet, expected);
  const facetsHold = checkFacets(checks, entries, expected);
  const signed = checkSignatures(checks, {
    canonicalWitness: seal.canonicalWitness,
    facets: expected,
    entries,
    keys,
    cosignatures,
  });

  // The identity stands in the witness, so a level is reached only with one that is allowed.
  const witnessHolds = expected !== undefined && !checks.some(isFailedWitness);
  const level: Level = !witnessHolds
    ? "none"
    : !facetsHold
      ? "witness"
      : !signed
        ? "facets"
        : "signed";
  return verificationReport(level, checks, required);
}

const PASSED = {
  text: { name: "witness.text", status: "passed" },
  hash: { name: "witness.hash", status: "passed" },
  identity: { name: "identity", status: "passed" },
  quintet: { name: "quintet", status: "passed" },
  facets: CONTEXTS.map((context): Check => ({ name: `facet.${context}`, status: "passed" })),
} as const satisfies Readonly<Record<string, Check | readonly Check[]>>;

const NOT_RECOMPUTED: Check = {
  name: "witness.text",
  status: "skipped",
  detail: "no fields were given to recompute the text from",
};

function isFailedWitness(check: Check): boolean {
  return check.status === "failed" && check.name.startsWith("witness.");
}

/** The text against the recomputed one, and its hash; returns the hash that the text really has. */
function checkWitness(
  checks: Check[],
  seal: UnverifiedSeal,
  expectedWitness: string | undefined,
): Sha256Hex | undefined {
  const text = seal.canonicalWitness;
  if (expectedWitness === undefined) checks.push(NOT_RECOMPUTED);
  else if (text === expectedWitness) checks.push(PASSED.text);
  else {
    const detail = `expected ${quote(expectedWitness, 400)} from the fields, found ${quote(String(text), 400)}`;
    checks.push({ name: "witness.text", status: "failed", detail });
  }

  const hash = hashOf(text);
  if (hash === undefined) {
    const detail = "the canonical witness is not well-formed text";
    checks.push({ name: "witness.hash", status: "failed", detail });
  } else if (hash !== seal.witnessHash) {
    const kind = isSha256Hex(seal.witnessHash) ? "" : ", which is not 64 lower-case hex digits";
    const detail = `the text has ${hash}, found ${quote(String(seal.witnessHash))}${kind}`;
    checks.push({ name: "witness.hash", status: "failed", detail });
  } else checks.push(PASSED.hash);
  return hash;
}

function hashOf(text: unknown): Sha256Hex | undefined {
  return typeof text === "string" && text.isWellFormed() ? sha256Hex(text) : undefined;
}

/** The facets as they must be, or undefined when the identity breaks the rule for its texts. */
function recompute(
  checks: Check[],
  identity: SealIdentity,
  hash: Sha256Hex,
): readonly Sha256Hex[] | undefined {
  try {
    const expected = facets(identity, hash);
    checks.push(PASSED.identity);
    return expected;
  } catch (error) {
    if (!(error instanceof WitnessError)) throw error;
    checks.push({ name: "identity", status: "failed", detail: error.message });
    return undefined;
  }
}

function readQuintet(
  checks: Check[],
  quintet: readonly string[],
  expected: readonly Sha256Hex[] | undefined,
): readonly QuintetEntry[] {
  const count = Array.isArray(quintet) ? quintet.length : 0;
  // `every` leaves out the holes of a sparse array.
  if (count !== CONTEXTS.length || [...quintet].some((entry) => typeof entry !== "string")) {
    const found = count === CONTEXTS.length ? "entries of another type" : `${count}`;
    const detail = `expected exactly ${CONTEXTS.length} texts, found ${found}`;
    checks.push({ name: "quintet", status: "failed", detail });
    return [];
  }
  checks.push(PASSED.quintet);
  return quintet.map((text, position) => {
    const facet = expected?.[position];
    // What a good row holds; comparing is cheaper than reading.
    return facet !== undefined && text === facet
      ? { form: "facet", facet }
      : parseQuintetEntry(text);
  });
}

/** One check for each context; true when all five recompute. */
function checkFacets(
  checks: Check[],
  entries: readonly QuintetEntry[],
  expected: readonly Sha256Hex[] | undefined,
): boolean {
  let hold = true;
  CONTEXTS.forEach((context, position) => {
    const check = facetCheck(context, position, entries[position], expected?.[position]);
    hold &&= check.status === "passed";
    checks.push(check);
  });
  return hold;
}

function facetCheck(
  context: FederationContext,
  position: number,
  entry: QuintetEntry | undefined,
  expected: Sha256Hex | undefined,
): Check {
  const name = `facet.${context}`;
  if (entry === undefined) return { name, status: "skipped", detail: "there is no usable quintet" };
  if (entry.form === "malformed") return { name, status: "failed", detail: entry.reason };
  if (entry.form === "foreign") {
    const detail = "a selfsigned: text of another implementation, which cannot be recomputed";
    return { name, status: "skipped", detail };
  }
  if (expected === undefined) {
    return { name, status: "skipped", detail: "it could not be recomputed" };
  }
  if (entry.facet === expected) return PASSED.facets[position] ?? { name, status: "passed" };
  return { name, status: "failed", detail: `expected ${expected}, found ${entry.facet}` };
}
