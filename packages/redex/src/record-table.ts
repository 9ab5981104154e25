const WORDS = 3;
const CHUNK_RECORDS = 16_384;

/**
 * Three 32-bit words for each event, 12 bytes of memory, by position. Positions count from the
 * opening of the log and never change, also when the events before are dropped.
 */
export class RecordTable {
  #chunks: Uint32Array[] = [];
  /** The position of the first record of the first chunk. */
  #base: number;
  #end: number;

  /** @param base the position of the first record to come */
  constructor(base = 0) {
    this.#base = base;
    this.#end = base;
  }

  /** One past the last position. */
  get end(): number {
    return this.#end;
  }

  push(first: number, second: number, third: number): void {
    const at = this.#end - this.#base;
    const within = at % CHUNK_RECORDS;
    if (within === 0) this.#chunks.push(this.#fresh(at));
    let chunk = this.#chunks[(at / CHUNK_RECORDS) | 0] as Uint32Array;
    const word = within * WORDS;
    if (word >= chunk.length) chunk = this.#grown(chunk);
    chunk[word] = first;
    chunk[word + 1] = second;
    chunk[word + 2] = third;
    this.#end += 1;
  }

  /** Word 0, 1 or 2 of the record at `position`, which must not be dropped. */
  word(position: number, which: 0 | 1 | 2): number {
    const at = position - this.#base;
    const chunk = this.#chunks[(at / CHUNK_RECORDS) | 0] as Uint32Array;
    return chunk[(at % CHUNK_RECORDS) * WORDS + which] as number;
  }

  /** Frees what lies wholly before `position`. */
  dropBefore(position: number): void {
    const chunks = Math.floor((position - this.#base) / CHUNK_RECORDS);
    if (chunks <= 0) return;
    this.#chunks.splice(0, chunks);
    this.#base += chunks * CHUNK_RECORDS;
  }

  /** The first chunk starts small, since most logs are. */
  #fresh(at: number): Uint32Array {
    return new Uint32Array((at === 0 ? 64 : CHUNK_RECORDS) * WORDS);
  }

  #grown(chunk: Uint32Array): Uint32Array {
    const larger = new Uint32Array(Math.min(chunk.length * 4, CHUNK_RECORDS * WORDS));
    larger.set(chunk);
    this.#chunks[this.#chunks.length - 1] = larger;
    return larger;
  }
}
