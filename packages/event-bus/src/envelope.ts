import type { Buffer } from "node:buffer";
import { KERNEL_BASE, Kernel } from "./kernel.js";
import type { StoredEvent } from "./stored-event.js";

/** Where the kernel leaves what it found in an envelope, and where the envelope itself goes. */
const RESULT = KERNEL_BASE;
const TEXT = KERNEL_BASE + 32;

/** Reads what adapters store: `{"r":…,"t":…,"s":…}` (event bus format, section 9.2). */
export class EnvelopeReader {
  readonly #kernel: Kernel = new Kernel();
  #memory: Buffer | undefined;
  #found: Uint32Array = new Uint32Array(0);

  /**
   * The event in an envelope; undefined when the bytes are none. Ids may be given as bytes: they
   * are decoded when somebody asks. The bytes must not change afterwards.
   */
  read(
    id: string | Buffer,
    envelope: Buffer,
    dedupId: string | Buffer | null,
  ): StoredEvent | undefined {
    const kernel = this.#kernel;
    kernel.reserve(TEXT, envelope.length);
    if (this.#memory !== kernel.memory) {
      this.#memory = kernel.memory;
      this.#found = new Uint32Array(kernel.memory.buffer, RESULT, 5);
    }
    kernel.memory.set(envelope, TEXT);
    if (kernel.run.envelope(TEXT, envelope.length, RESULT) === 0) return undefined;
    const [start = 0, end = 0, low = 0, high = 0, shardId = 0] = this.#found;
    return new EnvelopedEvent(id, dedupId, envelope, start, end, low, high, shardId);
  }
}

/** An event out of an envelope; what it consists of is decoded when it is looked at. */
class EnvelopedEvent implements StoredEvent {
  readonly shardId: number;
  readonly #id: string | Buffer;
  readonly #dedupId: string | Buffer | null;
  readonly #envelope: Buffer;
  readonly #start: number;
  readonly #end: number;
  readonly #low: number;
  readonly #high: number;

  constructor(
    id: string | Buffer,
    dedupId: string | Buffer | null,
    envelope: Buffer,
    start: number,
    end: number,
    low: number,
    high: number,
    shardId: number,
  ) {
    this.#id = id;
    this.#dedupId = dedupId;
    this.#envelope = envelope;
    this.#start = start;
    this.#end = end;
    this.#low = low;
    this.#high = high;
    this.shardId = shardId;
  }

  get id(): string {
    return typeof this.#id === "string" ? this.#id : this.#id.toString("latin1");
  }

  get dedupId(): string | null {
    const dedupId = this.#dedupId;
    return typeof dedupId === "object" && dedupId !== null ? dedupId.toString("utf8") : dedupId;
  }

  get insertionTs(): bigint {
    return (BigInt(this.#high) << 32n) | BigInt(this.#low);
  }

  get raw(): string {
    return this.#envelope.toString("utf8", this.#start, this.#end);
  }

  parse<T = unknown>(): T {
    return JSON.parse(this.raw) as T;
  }
}
