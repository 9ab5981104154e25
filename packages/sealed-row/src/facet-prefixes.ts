import { CONTEXTS, ensureIdentityText } from "@gaiaftcl/witness";
import { LARGEST_INTEGER } from "./column-value.js";
import type { RowValue } from "./sealed-table.js";

type Value = RowValue | undefined;

const NO_HASH = "0".repeat(64);
const PAYLOAD = CONTEXTS.indexOf("payload_sha256");

/** What is hashed for the facets of one identity (cell format, section 2). */
export interface FacetPrefixes {
  /** All before the witness hash, in the order of the contexts. */
  readonly texts: readonly string[];
  /** The facet in whose text the witness hash stands as well, right before the separator at its end. */
  readonly payload: number;
}

/**
 * For an identity as it stands in the columns of a row, where NULL is an empty value.
 *
 * @returns `undefined` where it is not certainly in order
 */
export function facetPrefixes(
  cellId: Value,
  domainId: Value,
  leanArtifactPath: Value,
  tauBlock: Value,
): FacetPrefixes | undefined {
  if (typeof cellId !== "string" || typeof domainId !== "string") return undefined;
  if (leanArtifactPath !== null && typeof leanArtifactPath !== "string") return undefined;
  if (tauBlock !== null) {
    if (!isInteger(tauBlock) || tauBlock < 0 || tauBlock > LARGEST_INTEGER) return undefined;
  }
  const path = leanArtifactPath ?? "";
  try {
    for (const text of [cellId, domainId, path]) ensureIdentityText("identity", text);
  } catch {
    return undefined;
  }
  const values = [cellId, domainId, path, NO_HASH, `${tauBlock ?? ""}`];
  const texts = CONTEXTS.map((context, index) => `${cellId}|${context}|${values[index]}|`);
  return { texts, payload: PAYLOAD };
}

export function isInteger(value: Value): value is bigint | number {
  return typeof value === "bigint" || Number.isSafeInteger(value);
}
