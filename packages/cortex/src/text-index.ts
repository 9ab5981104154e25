/**
 * Which items contain which runs of three UTF-16 units of lower-cased text, so that a search for a
 * part of it looks at few candidates. Shorter needles cannot use it.
 */
export class TextIndex<T> {
  readonly #holders = new Map<string, Set<T>>();

  add(item: T, text: string): void {
    for (const gram of gramsOf(text)) {
      const holders = this.#holders.get(gram);
      if (holders === undefined) this.#holders.set(gram, new Set([item]));
      else holders.add(item);
    }
  }

  delete(item: T, text: string): void {
    for (const gram of gramsOf(text)) {
      const holders = this.#holders.get(gram);
      if (holders?.delete(item) === true && holders.size === 0) this.#holders.delete(gram);
    }
  }

  /** Every item whose text may contain the needle; undefined when the index cannot tell. */
  candidates(needle: string): ReadonlySet<T> | undefined {
    let fewest: ReadonlySet<T> | undefined;
    for (const gram of gramsOf(needle)) {
      const holders = this.#holders.get(gram) ?? new Set<T>();
      if (fewest === undefined || holders.size < fewest.size) fewest = holders;
    }
    return fewest;
  }
}

function gramsOf(text: string): ReadonlySet<string> {
  const grams = new Set<string>();
  for (let at = 0; at + 3 <= text.length; at += 1) grams.add(text.slice(at, at + 3));
  return grams;
}
