import { CONTEXTS, ensureIdentityText, type Sha256Hex, sha256Hex } from "@gaiaftcl/witness";
import { LARGEST_INTEGER } from "./column-value.js";
import type { RowValue } from "./sealed-table.js";

/** The facets of one row, in the order of the contexts. */
export type Facets = readonly [Sha256Hex, Sha256Hex, Sha256Hex, Sha256Hex, Sha256Hex];

type Value = RowValue | undefined;

const HASH_LENGTH = 64;

/**
 * Computes the five facets of one witness hash after the other, for one identity. What is hashed is
 * kept as bytes, in which only the hash changes: putting texts together for it takes longer than
 * hashing them.
 */
export class FacetHasher {
  readonly #messages: readonly Uint8Array[];

  private constructor(prefixes: readonly string[]) {
    this.#messages = prefixes.map((prefix) =>
      new TextEncoder().encode(prefix + "0".repeat(HASH_LENGTH)),
    );
  }

  /**
   * For an identity as it stands in the columns of a row, where NULL is an empty value.
   *
   * @returns `undefined` where it is not certainly in order
   */
  static of(
    cellId: Value,
    domainId: Value,
    leanArtifactPath: Value,
    tauBlock: Value,
  ): FacetHasher | undefined {
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
    const zeros = "0".repeat(HASH_LENGTH);
    const values = [cellId, domainId, path, zeros, `${tauBlock ?? ""}`];
    return new FacetHasher(
      CONTEXTS.map((context, index) => `${cellId}|${context}|${values[index]}|`),
    );
  }

  /** @param hash 64 lower-case hex digits */
  facetsOf(hash: Sha256Hex): Facets {
    const [cell, domain, path, payload, tau] = this.#messages as Messages;
    const cellAt = cell.length - HASH_LENGTH;
    const domainAt = domain.length - HASH_LENGTH;
    const pathAt = path.length - HASH_LENGTH;
    const payloadAt = payload.length - HASH_LENGTH;
    const tauAt = tau.length - HASH_LENGTH;
    for (let index = 0; index < HASH_LENGTH; index += 1) {
      const code = hash.charCodeAt(index);
      cell[cellAt + index] = code;
      domain[domainAt + index] = code;
      path[pathAt + index] = code;
      payload[payloadAt + index] = code;
      // Its value is the hash as well, and a separator stands between the two.
      payload[payloadAt - 1 - HASH_LENGTH + index] = code;
      tau[tauAt + index] = code;
    }
    return [
      sha256Hex(cell),
      sha256Hex(domain),
      sha256Hex(path),
      sha256Hex(payload),
      sha256Hex(tau),
    ];
  }
}

type Messages = readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];

export function isInteger(value: Value): value is bigint | number {
  return typeof value === "bigint" || Number.isSafeInteger(value);
}
