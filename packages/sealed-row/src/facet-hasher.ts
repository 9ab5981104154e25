import { type Sha256Hex, sha256Hex } from "@gaiaftcl/witness";
import type { FacetPrefixes } from "./facet-prefixes.js";

/** The facets of one row, in the order of the contexts. */
export type Facets = readonly [Sha256Hex, Sha256Hex, Sha256Hex, Sha256Hex, Sha256Hex];

const HASH_LENGTH = 64;

/**
 * Computes the five facets of one witness hash after the other, for one identity. What is hashed is
 * kept as bytes, in which only the hash changes: putting texts together for it takes longer than
 * hashing them.
 */
export class FacetHasher {
  readonly #messages: readonly Uint8Array[];
  /** All five messages behind one another. */
  readonly #bytes: Uint8Array;
  /** Where the hash stands in them. */
  readonly #places: Int32Array;

  constructor({ texts, payload }: FacetPrefixes) {
    const prefixes = texts.map((text) => new TextEncoder().encode(text));
    const starts = [0];
    for (const { length } of prefixes) starts.push((starts.at(-1) ?? 0) + length + HASH_LENGTH);
    const bytes = new Uint8Array(starts.at(-1) ?? 0);
    prefixes.forEach((prefix, index) => {
      bytes.set(prefix, starts[index]);
    });
    this.#bytes = bytes;
    this.#messages = prefixes.map((_, index) => bytes.subarray(starts[index], starts[index + 1]));
    const places = starts.slice(1).map((end) => end - HASH_LENGTH);
    // In one of them its value is the hash as well, and a separator stands between the two.
    this.#places = Int32Array.from([...places, (places[payload] ?? 0) - 1 - HASH_LENGTH]);
  }

  /** @param hash 64 lower-case hex digits */
  facetsOf(hash: Sha256Hex): Facets {
    const bytes = this.#bytes;
    const places = this.#places;
    for (let index = 0; index < HASH_LENGTH; index += 1) {
      const code = hash.charCodeAt(index);
      for (let place = 0; place < places.length; place += 1) {
        bytes[(places[place] as number) + index] = code;
      }
    }
    return [this.#facet(0), this.#facet(1), this.#facet(2), this.#facet(3), this.#facet(4)];
  }

  #facet(context: number): Sha256Hex {
    return sha256Hex(this.#messages[context] as Uint8Array);
  }
}
