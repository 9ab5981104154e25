import { ensureWellFormed } from "./text.js";
import { quote, WitnessError } from "./witness-error.js";

/** What a seal says about its origin, beside the witness itself. */
export interface SealIdentity {
  readonly cellId: string;
  readonly domainId: string;
  /** Path of the artifact that the sealed thing mirrors; absent and empty are the same. */
  readonly leanArtifactPath?: string;
  /** Block height, 0 to 2^64 - 1; absent means empty. */
  readonly tauBlock?: bigint | number;
}

const MAX_BYTES = 255;
const MAX_TAU_BLOCK = 2n ** 64n - 1n;

/** Printable ASCII but the three separators: certainly fine, and what nearly every identity is. */
const PLAIN = /^[ -:<>-{}~]{0,255}$/;
/** `|` separates facets, `;` and `=` the fields of a witness; controls are Unicode category Cc. */
const FORBIDDEN = /[|;=\p{Cc}]/u;

/**
 * The text itself, when it may stand in a witness and a facet (cell format, section 2): well formed,
 * in normalisation form C, at most 255 bytes of UTF-8, without `|`, `;`, `=` and control characters
 * (Unicode category Cc: U+0000 to U+001F and U+007F to U+009F). Without this rule two different
 * inputs could share one witness.
 *
 * @param name what the text is, for the message: `cell_id`, `domain_id`, `lean_artifact_path`.
 * @throws WitnessError `IDENTITY_TEXT`, `ILL_FORMED_TEXT` or `ARGUMENT`
 */
export function ensureIdentityText(name: string, value: string): string {
  ensureWellFormed(name, value);
  if (PLAIN.test(value)) return value;

  const bytes = new TextEncoder().encode(value).length;
  if (bytes > MAX_BYTES) {
    throw refusal(name, `at most ${MAX_BYTES} bytes of UTF-8, found ${bytes}`);
  }
  const forbidden = FORBIDDEN.exec(value);
  if (forbidden !== null) {
    const found = `${quote(forbidden[0])} at offset ${forbidden.index}`;
    throw refusal(name, `no "|", ";", "=" or control character, found ${found} of ${quote(value)}`);
  }
  if (value.normalize("NFC") !== value) {
    throw refusal(name, `normalisation form C, found ${quote(value)} in another form`);
  }
  return value;
}

/**
 * A block height as it stands in a facet: decimal digits, or empty when there is none.
 *
 * @throws WitnessError `TAU_BLOCK`
 */
function tauBlockText(tauBlock: bigint | number | undefined): string {
  if (tauBlock === undefined) return "";
  const whole = typeof tauBlock === "bigint" || Number.isSafeInteger(tauBlock);
  if (whole && tauBlock >= 0 && tauBlock <= MAX_TAU_BLOCK) return BigInt(tauBlock).toString();
  throw new WitnessError(
    "TAU_BLOCK",
    `expected a block height as a bigint or safe integer from 0 to 2^64 - 1, found ${String(tauBlock)}`,
  );
}

/**
 * Checks every part of an identity and returns the values of its facets, but the one that is the
 * witness hash.
 *
 * @throws WitnessError as {@link ensureIdentityText} and {@link tauBlockText}
 */
export function identityValues(identity: SealIdentity): {
  readonly cellId: string;
  readonly domainId: string;
  readonly leanArtifactPath: string;
  readonly tauBlock: string;
} {
  return {
    cellId: ensureIdentityText("cell_id", identity.cellId),
    domainId: ensureIdentityText("domain_id", identity.domainId),
    leanArtifactPath: ensureIdentityText("lean_artifact_path", identity.leanArtifactPath ?? ""),
    tauBlock: tauBlockText(identity.tauBlock),
  };
}

function refusal(name: string, expected: string): WitnessError {
  return new WitnessError("IDENTITY_TEXT", `expected ${name} with ${expected}`);
}
