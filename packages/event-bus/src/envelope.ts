import { Buffer } from "node:buffer";
import { Kernel } from "./kernel.js";
import type { StoredEvent } from "./stored-event.js";

/** Envelopes read into one buffer at a time, so that events do not hold on to whole replies. */
const ROOM = 65_536;

/** Reads what adapters store: `{"r":…,"t":…,"s":…}` (event bus format, section 9.2). */
export class EnvelopeReader {
  readonly #kernel: Kernel = new Kernel();
  #room: Buffer = Buffer.alloc(0);
  #used = 0;

  /** The event in an envelope; undefined when the bytes are none. */
  read(id: string, envelope: Uint8Array, dedupId: string | null): StoredEvent | undefined {
    const at = this.#kernel.place(envelope);
    const { run } = this.#kernel;
    if (run.envelope(at, envelope.length) === 0) return undefined;
    const start = run.rawStart.value;
    const size = run.rawEnd.value - start;
    if (this.#used + size > this.#room.length) {
      this.#room = Buffer.allocUnsafeSlow(Math.max(size, ROOM));
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += size;
    this.#kernel.memory.copy(this.#room, from, start, start + size);
    return new EnvelopedEvent(
      id,
      dedupId,
      BigInt.asUintN(64, run.timestamp.value),
      run.shardId.value,
      this.#room,
      from,
      from + size,
    );
  }
}

/** An event out of an envelope; its text is decoded when it is looked at. */
class EnvelopedEvent implements StoredEvent {
  readonly id: string;
  readonly dedupId: string | null;
  readonly insertionTs: bigint;
  readonly shardId: number;
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #end: number;

  constructor(
    id: string,
    dedupId: string | null,
    insertionTs: bigint,
    shardId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ) {
    this.id = id;
    this.dedupId = dedupId;
    this.insertionTs = insertionTs;
    this.shardId = shardId;
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
  }

  get raw(): string {
    return this.#bytes.toString("utf8", this.#start, this.#end);
  }

  parse<T = unknown>(): T {
    return JSON.parse(this.raw) as T;
  }
}
