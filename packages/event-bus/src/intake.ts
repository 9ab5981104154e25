import { Buffer } from "node:buffer";
import type { Run } from "./chunk.js";
import { IntakeLayout, LOG_BYTES, LOG_EVENTS, RUN_WORDS } from "./intake-layout.js";
import { ShardRing, type Taken } from "./shard-ring.js";

/** What happens to an event whose ring is full (event bus format, section 4.2). */
export type Backpressure = "dropOldest" | "dropNewest" | "failProducer";

export interface IntakeOptions {
  readonly shards: number;
  /** Events a ring holds at most: its capacity less one. */
  readonly usable: number;
  readonly backpressure: Backpressure;
  readonly maxEventBytes: number;
  /** Nanoseconds since the bus was created. */
  readonly clock: () => bigint;
  /** The first event of a turn came in: `settle` has to be called soon. */
  readonly onPending: () => void;
  /** The log or a ring is full: seal, and hand over what can be handed over at once. */
  readonly onFull: () => void;
}

/** What became of one event. */
export type Verdict = "accepted" | "ringFull" | "notJson" | "notUnicode" | "tooLarge";

/**
 * The producer's side of the bus. An event is checked, hashed and counted against its ring when it
 * comes in; it waits in one log with all others of the same turn and is then moved, with its kind,
 * to the ring of its shard.
 */
export class Intake {
  ingested = 0;
  /** Refused by a full ring. */
  dropped = 0;
  /** Accepted, then pushed out of a full ring by newer ones. */
  evicted = 0;
  /** Refused because they are not one JSON value, not Unicode or too large. */
  invalid = 0;
  readonly #options: IntakeOptions;
  readonly #shards: number;
  /** The most events of one shard that may wait; without bound while old ones make room. */
  readonly #limit: number;
  readonly #layout: IntakeLayout;
  readonly #rings: ShardRing[];
  /** Shards whose ring has something new since they were last asked for. */
  #dirty: number[] = [];
  readonly #isDirty: Uint8Array;
  /** Events of each shard in its ring and in the log. */
  readonly #queued: Int32Array;
  /** Events of each shard that have left its ring, taken or pushed out. */
  readonly #passed: Float64Array;
  #isBatch = false;
  #count = 0;
  #tail = 0;
  /** Whether the log holds events that were refused. */
  #holes = false;
  #startedAt = 0n;
  #lastStamp = -1n;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#shards = options.shards;
    this.#limit = options.backpressure === "dropOldest" ? Number.MAX_SAFE_INTEGER : options.usable;
    this.#rings = Array.from({ length: options.shards }, () => new ShardRing());
    this.#isDirty = new Uint8Array(options.shards);
    this.#queued = new Int32Array(options.shards);
    this.#passed = new Float64Array(options.shards);
    this.#layout = new IntakeLayout(options.shards);
  }

  /** Takes in one JSON text. */
  text(text: string): Verdict {
    if (this.#count === LOG_EVENTS) this.#options.onFull();
    const { log, memory } = this.#layout;
    if (this.#tail + text.length * 3 > LOG_BYTES) return this.#withRoom(text);
    const size = memory.write(text, log + this.#tail);
    if (size !== text.length && !text.isWellFormed()) return this.#refuse("notUnicode");
    return this.#accept(size, text);
  }

  bytes(bytes: Uint8Array): Verdict {
    if (this.#count === LOG_EVENTS) this.#options.onFull();
    const { kernel, log, memory } = this.#layout;
    if (this.#tail + bytes.length > LOG_BYTES) return this.#withRoom(bytes);
    memory.set(bytes, log + this.#tail);
    if (kernel.isUtf8(log + this.#tail, bytes.length) === 0) return this.#refuse("notUnicode");
    return this.#accept(bytes.length, bytes);
  }

  /**
   * Takes in many at once; returns how many were accepted, the others being counted. Nothing is
   * handed over in between, so that what a full ring refuses does not depend on timing.
   */
  batch(events: readonly (string | Uint8Array)[]): number {
    const before = this.ingested;
    this.#isBatch = true;
    try {
      let next = 0;
      while (next < events.length) {
        if (this.#count === LOG_EVENTS) this.seal();
        const end = this.#group(events, next);
        if (end > next) {
          next = end;
          continue;
        }
        const event = events[next] as string | Uint8Array;
        if (typeof event === "string") this.text(event);
        else this.bytes(event);
        next += 1;
      }
    } finally {
      this.#isBatch = false;
    }
    return this.ingested - before;
  }

  /** Moves the log to the rings; the shards concerned become dirty. */
  seal(): void {
    const count = this.#count;
    if (count === 0) return;
    const base = this.#startedAt > this.#lastStamp ? this.#startedAt : this.#lastStamp + 1n;
    this.#lastStamp = base + BigInt(count - 1);
    const { log, memory, ends, targets } = this.#layout;
    if (!this.#holes && (this.#shards === 1 || count === 1)) {
      const run = { bytes: memory, start: log, size: this.#tail, ends, first: 0, count, base };
      this.#toRing(this.#shards === 1 ? 0 : (targets[0] as number), run);
    } else {
      this.#gather(count, base);
    }
    this.#count = 0;
    this.#tail = 0;
    this.#holes = false;
  }

  /** Takes the oldest events of a shard out of its ring. */
  take(shard: number): Taken | undefined {
    const taken = (this.#rings[shard] as ShardRing).take();
    if (taken !== undefined) this.#leave(shard, taken.chunk.count - taken.from);
    return taken;
  }

  /** The shards that became dirty since the last call. */
  takeDirty(): readonly number[] {
    const shards = this.#dirty;
    if (shards.length > 0) {
      this.#dirty = [];
      for (const shard of shards) this.#isDirty[shard] = 0;
    }
    return shards;
  }

  queuedOf(shard: number): number {
    return this.#queued[shard] as number;
  }

  /** How many events of a shard have left its ring. */
  passedOf(shard: number): number {
    return this.#passed[shard] as number;
  }

  /** How many events of a shard have been accepted. */
  acceptedOf(shard: number): number {
    return this.passedOf(shard) + this.queuedOf(shard);
  }

  /** Whether more than half of the ring of `shard` is taken. */
  isFilling(shard: number): boolean {
    return this.queuedOf(shard) > this.#options.usable >>> 1;
  }

  /** Events that wait in the log and the rings. */
  get queued(): number {
    let sum = 0;
    for (const count of this.#queued) sum += count;
    return sum;
  }

  /** Bytes of payload that wait in the log and the rings. */
  get queuedBytes(): number {
    let sum = this.#tail;
    for (const ring of this.#rings) sum += ring.bytes;
    return sum;
  }

  #accept(size: number, event: string | Uint8Array): Verdict {
    if (size > this.#options.maxEventBytes) return this.#refuse("tooLarge");
    const { kernel, log } = this.#layout;
    const shard = kernel.accept(log + this.#tail, size, this.#shards);
    if (shard < 0) return this.#refuse("notJson");
    if ((this.#queued[shard] as number) >= this.#limit) return this.#whenFull(shard, event);
    const count = this.#count;
    if (count === 0) this.#begin();
    const tail = this.#tail + size;
    this.#tail = tail;
    this.#layout.ends[count] = tail;
    this.#layout.targets[count] = shard;
    this.#count = count + 1;
    this.#queued[shard] = (this.#queued[shard] as number) + 1;
    this.ingested += 1;
    // An event larger than the log has it to itself.
    if (tail > LOG_BYTES) this.seal();
    return "accepted";
  }

  #refuse(verdict: Verdict): Verdict {
    this.invalid += 1;
    return verdict;
  }

  #begin(): void {
    this.#startedAt = this.#options.clock();
    this.#options.onPending();
  }

  /** The ring is full: an adapter that takes events at once gets them now, then it is settled. */
  #whenFull(shard: number, event: string | Uint8Array): Verdict {
    if (!this.#isBatch) {
      this.#options.onFull();
      if ((this.#queued[shard] as number) < this.#limit) {
        return typeof event === "string" ? this.text(event) : this.bytes(event);
      }
    }
    this.dropped += 1;
    return "ringFull";
  }

  /** Empties the log, and enlarges it for an event that does not fit an empty one. */
  #withRoom(event: string | Uint8Array): Verdict {
    const size = typeof event === "string" ? Buffer.byteLength(event) : event.length;
    if (size > this.#options.maxEventBytes) return this.#refuse("tooLarge");
    if (this.#tail + size > LOG_BYTES) {
      if (!this.#isBatch) this.#options.onFull();
      this.seal();
    }
    this.#layout.reserve(size);
    const { kernel, log, memory } = this.#layout;
    const at = log + this.#tail;
    if (typeof event === "string") {
      if (!event.isWellFormed()) return this.#refuse("notUnicode");
      memory.write(event, at);
    } else {
      memory.set(event, at);
      if (kernel.isUtf8(at, size) === 0) return this.#refuse("notUnicode");
    }
    return this.#accept(size, event);
  }

  /**
   * Takes in ASCII texts from `start` on, as many as fit, with one write and one call. Returns the
   * index behind the last; `start` when the next text has to go by itself.
   */
  #group(events: readonly (string | Uint8Array)[], start: number): number {
    const { kernel, log, memory, ends, targets, at } = this.#layout;
    const first = this.#count;
    const from = this.#tail;
    const last = Math.min(events.length, start + LOG_EVENTS - first);
    // Texts that fit however they are encoded.
    const limit = from + Math.floor((LOG_BYTES - from) / 3);
    const max = this.#options.maxEventBytes;
    let joined = "";
    let tail = from;
    let end = start;
    while (end < last) {
      const event = events[end] as string | Uint8Array;
      if (typeof event !== "string" || event.length > max || tail + event.length > limit) break;
      tail += event.length;
      ends[first + end - start] = tail;
      joined += event;
      end += 1;
    }
    const length = end - start;
    if (length < 2) return start;
    if (memory.write(joined, log + from) !== joined.length) {
      // More bytes than characters: not ASCII, so the ends are not known from the lengths.
      for (let i = start; i < end; i += 1) this.text(events[i] as string);
      return end;
    }
    if (first === 0) this.#begin();
    const refused = kernel.acceptAll(
      log,
      from,
      at.ends + first * 4,
      length,
      this.#shards,
      at.targets + first * 4,
    );
    this.#count = first + length;
    this.#tail = tail;
    if (this.#shards === 1 && refused === 0 && this.queuedOf(0) + length <= this.#limit) {
      this.#queued[0] = this.queuedOf(0) + length;
      this.ingested += length;
    } else {
      this.#countGroup(targets, first, first + length);
    }
    return end;
  }

  #countGroup(targets: Int32Array, from: number, to: number): void {
    const queued = this.#queued;
    const limit = this.#limit;
    let accepted = 0;
    for (let i = from; i < to; i += 1) {
      const shard = targets[i] as number;
      if (shard < 0) {
        this.invalid += 1;
        this.#holes = true;
      } else if ((queued[shard] as number) < limit) {
        queued[shard] = (queued[shard] as number) + 1;
        accepted += 1;
      } else {
        this.dropped += 1;
        targets[i] = -1;
        this.#holes = true;
      }
    }
    this.ingested += accepted;
  }

  #gather(count: number, base: bigint): void {
    const { kernel, at, log, memory } = this.#layout;
    const met = kernel.gather(
      log,
      at.ends,
      at.targets,
      count,
      at.tallies,
      at.runs,
      at.out,
      at.outEnds,
      at.outOrder,
    );
    const { runs, outEnds, outOrder } = this.#layout;
    for (let r = 0; r < met * RUN_WORDS; r += RUN_WORDS) {
      this.#toRing(runs[r] as number, {
        bytes: memory,
        start: at.out + (runs[r + 3] as number),
        size: runs[r + 4] as number,
        ends: outEnds,
        first: runs[r + 2] as number,
        count: runs[r + 1] as number,
        order: outOrder,
        base,
      });
    }
  }

  #toRing(shard: number, run: Run): void {
    const ring = this.#rings[shard] as ShardRing;
    ring.append(run);
    const excess = ring.count - this.#options.usable;
    if (excess > 0) {
      ring.dropOldest(excess);
      this.evicted += excess;
      this.#leave(shard, excess);
    }
    if (this.#isDirty[shard] === 0) {
      this.#isDirty[shard] = 1;
      this.#dirty.push(shard);
    }
  }

  #leave(shard: number, count: number): void {
    this.#queued[shard] = (this.#queued[shard] as number) - count;
    this.#passed[shard] = (this.#passed[shard] as number) + count;
  }
}
