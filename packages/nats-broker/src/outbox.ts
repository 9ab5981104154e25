/** Size of the buffers that small messages are packed into. */
const SLAB_BYTES = 32 * 1024;
/** Longer messages are referred to where they lie; shorter ones are cheaper to copy together. */
const COPY_LIMIT = 4096;
/** About what one write takes, so that a client that reads slowly is seen to make progress. */
const BATCH_BYTES = 1024 * 1024;
/** Slabs kept for reuse by one broker. */
const POOLED_SLABS = 64;

interface Slab {
  readonly bytes: Buffer;
  /** Parts of it that are queued or being written. */
  parts: number;
}

/** Bytes in the order of sending: part of a slab, or a view of somebody's payload. */
interface Part {
  readonly bytes: Buffer;
  readonly slab: Slab | undefined;
}

/** What the outboxes of one broker share: buffers, so that an idle client holds none, and one account. */
export class OutputMemory {
  /** Bytes pending for all clients together; a payload that several wait for counts for each. */
  pendingBytes = 0;
  readonly #free: Slab[] = [];

  acquire(): Slab {
    return this.#free.pop() ?? { bytes: Buffer.allocUnsafeSlow(SLAB_BYTES), parts: 0 };
  }

  release(slab: Slab): void {
    if (this.#free.length < POOLED_SLABS) this.#free.push(slab);
  }
}

/** What one write takes from an outbox. */
export interface Batch {
  readonly parts: readonly Part[];
  readonly bytes: number;
}

/**
 * Bytes on their way to one client. Small messages are packed together, large ones are referred to,
 * and what gathers while one write is under way leaves with the next.
 */
export class Outbox {
  readonly #memory: OutputMemory;
  #parts: Part[] = [];
  #slab: Slab | undefined;
  /** What of the slab is filled and not among the parts yet. */
  #start = 0;
  #end = 0;
  #queued = 0;
  #inFlight = 0;
  #closed = false;

  constructor(memory: OutputMemory) {
    this.#memory = memory;
  }

  /** Whether nothing waits to be taken. */
  get isEmpty(): boolean {
    return this.#queued === 0;
  }

  /** Bytes queued, and taken but not yet written. */
  get pendingBytes(): number {
    return this.#queued + this.#inFlight;
  }

  /** Appends a text of latin1 characters. */
  text(text: string): void {
    const { length } = text;
    if (length > SLAB_BYTES) {
      this.#refer(Buffer.from(text, "latin1"));
      return;
    }
    this.#room(length).write(text, this.#end, length, "latin1");
    this.#fill(length);
  }

  /** Appends `prefix` (latin1) and the bytes from `start` to `end`, to which it may keep a reference. */
  message(prefix: string, bytes: Buffer, start: number, end: number): void {
    const length = prefix.length + end - start;
    if (length > COPY_LIMIT) {
      this.text(prefix);
      this.#refer(bytes.subarray(start, end));
      return;
    }
    const slab = this.#room(length);
    slab.write(prefix, this.#end, prefix.length, "latin1");
    bytes.copy(slab, this.#end + prefix.length, start, end);
    this.#fill(length);
  }

  /** Takes what is queued, up to about a mebibyte; the caller writes it, then calls `written`. */
  take(): Batch {
    this.#seal();
    let bytes = 0;
    let count = 0;
    while (count < this.#parts.length && bytes < BATCH_BYTES) {
      bytes += (this.#parts[count] as Part).bytes.length;
      count += 1;
    }
    const parts = this.#parts.splice(0, count);
    this.#queued -= bytes;
    this.#inFlight += bytes;
    return { parts, bytes };
  }

  /** The system has let go of the buffers of `batch`, whether or not the bytes went out. */
  written(batch: Batch): void {
    if (!this.#closed) {
      this.#inFlight -= batch.bytes;
      this.#memory.pendingBytes -= batch.bytes;
    }
    for (const { slab } of batch.parts) {
      if (slab === undefined) continue;
      slab.parts -= 1;
      if (slab.parts > 0) continue;
      if (slab !== this.#slab) this.#memory.release(slab);
      else if (this.#start === this.#end) {
        this.#slab = undefined;
        this.#memory.release(slab);
      }
    }
  }

  /** Forgets everything, and takes it off the account; what is under way goes with its socket. */
  close(): void {
    while (!this.isEmpty) this.written(this.take());
    this.#memory.pendingBytes -= this.#inFlight;
    this.#inFlight = 0;
    this.#closed = true;
  }

  #room(length: number): Buffer {
    if (this.#slab !== undefined && SLAB_BYTES - this.#end >= length) return this.#slab.bytes;
    this.#seal();
    const slab = this.#memory.acquire();
    this.#slab = slab;
    this.#start = 0;
    this.#end = 0;
    return slab.bytes;
  }

  #fill(length: number): void {
    this.#end += length;
    this.#count(length);
  }

  #refer(bytes: Buffer): void {
    this.#seal();
    this.#parts.push({ bytes, slab: undefined });
    this.#count(bytes.length);
  }

  #count(length: number): void {
    this.#queued += length;
    this.#memory.pendingBytes += length;
  }

  /** Moves what the slab has gathered to the parts, which keep the order. */
  #seal(): void {
    const slab = this.#slab;
    if (slab === undefined || this.#end === this.#start) return;
    this.#parts.push({ bytes: slab.bytes.subarray(this.#start, this.#end), slab });
    slab.parts += 1;
    this.#start = this.#end;
  }
}
