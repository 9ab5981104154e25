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
  /** All five messages behind one another, and each of them. */
  readonly #view: DataView;
  readonly #messages: readonly Uint8Array[];
  /** Where the hash stands in them. */
  readonly #places: Int32Array;

  private constructor(prefixes: readonly string[]) {
    const texts = prefixes.map((prefix) => new TextEncoder().encode(prefix));
    const starts = [0];
    for (const { length } of texts) starts.push((starts.at(-1) ?? 0) + length + HASH_LENGTH);
    const bytes = new Uint8Array(starts.at(-1) ?? 0);
    texts.forEach((text, index) => {
      bytes.set(text, starts[index]);
    });
    this.#view = new DataView(bytes.buffer);
    this.#messages = texts.map((_, index) => bytes.subarray(starts[index], starts[index + 1]));
    const places = starts.slice(1).map((end) => end - HASH_LENGTH);
    // In one of them its value is the hash as well, and a separator stands between the two.
    const payload = places[CONTEXTS.indexOf("payload_sha256")] ?? 0;
    this.#places = Int32Array.from([...places, payload - 1 - HASH_LENGTH]);
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
    const places = this.#places;
    for (let index = 0; index < HASH_LENGTH; index += 1) {
      const code = hash.charCodeAt(index);
      for (let place = 0; place < places.length; place += 1) {
        this.#view.setUint8((places[place] as number) + index, code);
      }
    }
    return [this.facet(0), this.facet(1), this.facet(2), this.facet(3), this.facet(4)];
  }

  /** Takes the 64 digits that stand there for the hash of the facets to come. */
  setHash(source: DataView, at: number): void {
    const places = this.#places;
    for (let index = 0; index < HASH_LENGTH; index += 4) {
      const word = source.getInt32(at + index, true);
      for (let place = 0; place < places.length; place += 1) {
        this.#view.setInt32((places[place] as number) + index, word, true);
      }
    }
  }

  /** One facet of the hash set last. */
  facet(context: number): Sha256Hex {
    return sha256Hex(this.#messages[context] as Uint8Array);
  }
}

export function isInteger(value: Value): value is bigint | number {
  return typeof value === "bigint" || Number.isSafeInteger(value);
}
