import { counters } from "./probe.ts";

/** How often is often: once, twice, 3, 4 to 7, to 15, to 31, to 127, more. */
const BOUNDS = [1, 2, 3, 7, 15, 31, 127] as const;
const CLASSES = BOUNDS.length + 1;

/** What runs have passed so far: for every block, the classes of how often one run did. */
export class CoverageMap {
  readonly #seen: Uint8Array = new Uint8Array(counters.length);
  #features = 0;

  /** Pairs of block and class seen. */
  get features(): number {
    return this.#features;
  }

  /** Blocks that ran at least once. */
  get blocks(): number {
    return this.#seen.reduce((sum, classes) => sum + (classes === 0 ? 0 : 1), 0);
  }

  /** Takes in the run just done; whether it passed anything new. */
  absorb(blocks: number): boolean {
    let isNew = false;
    for (let block = 0; block < blocks; block += 1) {
      const count = counters[block] ?? 0;
      if (count === 0) continue;
      const bit = 1 << classOf(count);
      const seen = this.#seen[block] ?? 0;
      if ((seen & bit) === 0) {
        this.#seen[block] = seen | bit;
        this.#features += 1;
        isNew = true;
      }
    }
    return isNew;
  }
}

/** The pairs of block and class that the run just done passed. */
export function featuresOfRun(blocks: number): number[] {
  const features: number[] = [];
  for (let block = 0; block < blocks; block += 1) {
    const count = counters[block] ?? 0;
    if (count > 0) features.push(block * CLASSES + classOf(count));
  }
  return features;
}

function classOf(count: number): number {
  for (let each = 0; each < BOUNDS.length; each += 1) {
    if (count <= (BOUNDS[each] ?? 0)) return each;
  }
  return CLASSES - 1;
}
