import type { StreamHandle } from "./types.js";

/** What the table keeps in every stream. */
export interface TableEntry {
  readonly id: bigint;
  lastActivity: number;
  older: this | undefined;
  newer: this | undefined;
}

/** A handle; it holds its stream for as long as the opening lasts. */
export class Opening<S> implements StreamHandle {
  readonly id: bigint;
  readonly epoch: number;
  stream: S | undefined;

  constructor(id: bigint, epoch: number, stream: S) {
    this.id = id;
    this.epoch = epoch;
    this.stream = stream;
  }
}

/** The streams of a session by id, linked from the least to the most recently used. */
export class StreamTable<S extends TableEntry> {
  readonly #streams = new Map<bigint, S>();
  #oldest: S | undefined;
  #newest: S | undefined;

  get size(): number {
    return this.#streams.size;
  }

  get oldest(): S | undefined {
    return this.#oldest;
  }

  get(id: bigint): S | undefined {
    return this.#streams.get(id);
  }

  add(stream: S): void {
    this.#streams.set(stream.id, stream);
    this.#append(stream);
  }

  remove(stream: S): void {
    this.#streams.delete(stream.id);
    this.#unlink(stream);
  }

  touch(stream: S, now: number): void {
    stream.lastActivity = now;
    if (this.#newest === stream) return;
    this.#unlink(stream);
    this.#append(stream);
  }

  #append(stream: S): void {
    stream.older = this.#newest;
    stream.newer = undefined;
    if (this.#newest === undefined) this.#oldest = stream;
    else this.#newest.newer = stream;
    this.#newest = stream;
  }

  #unlink(stream: S): void {
    if (stream.older === undefined) this.#oldest = stream.newer;
    else stream.older.newer = stream.newer;
    if (stream.newer === undefined) this.#newest = stream.older;
    else stream.newer.older = stream.older;
    stream.older = undefined;
    stream.newer = undefined;
  }
}
