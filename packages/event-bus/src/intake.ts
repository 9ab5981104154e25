import { Buffer } from "node:buffer";
import type { Run } from "./chunk.js";
import { ChunkPool } from "./chunk-pool.js";
import { IntakeLayout, LOG_BYTES, LOG_EVENTS, RUN_WORDS } from "./intake-layout.js";
import { type KernelExports, PushRefusal } from "./kernel.js";
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
  /** Refused by a full ring. */
  dropped = 0;
  /** Accepted, then pushed out of a full ring by newer ones. */
  evicted = 0;
  /** Refused because they are not one JSON value, not Unicode or too large. */
  invalid = 0;
  /** Shards whose ring has something new since they were last asked for. */
  #dirty: number[] = [];
  readonly #isDirty: Uint8Array;
  readonly #options: IntakeOptions;
  readonly #shards: number;
  readonly #layout: IntakeLayout;
  readonly #rings: ShardRing[];
  /** Events of each shard that have left its ring, taken or pushed out. */
  readonly #passed: Float64Array;
  // What every event needs, taken from the layout.
  readonly #log: number;
  readonly #push: KernelExports["push"];
  #memory: Buffer;
  #isBatch = false;
  #refusedInBatch = 0;
  /** Whether somebody will come to seal the log. */
  #isAnnounced = false;
  #tail = 0;
  #startedAt = 0n;
  #lastStamp = -1n;

  constructor(options: IntakeOptions) {
    const { shards, usable, backpressure, maxEventBytes } = options;
    this.#options = options;
    this.#shards = shards;
    const pool = new ChunkPool();
    this.#rings = Array.from({ length: shards }, () => new ShardRing(pool));
    this.#isDirty = new Uint8Array(shards);
    this.#passed = new Float64Array(shards);
    this.#layout = new IntakeLayout(shards);
    const { kernel, log, at, memory } = this.#layout;
    // Where old events make room, as many may come as will; `seal` pushes out what is too much.
    const limit = backpressure === "dropOldest" ? 0xffff_ffff : usable;
    kernel.configure(shards, limit, maxEventBytes, LOG_EVENTS, log, at.ends, at.targets, at.queued);
    this.#log = log;
    this.#push = kernel.push;
    this.#memory = memory;
  }

  /** Takes in one JSON text. */
  text(text: string): Verdict {
    const { length } = text;
    const tail = this.#tail;
    if (tail === 0) this.#begin();
    // Three bytes for each UTF-16 unit are always enough.
    if (tail + length * 3 > LOG_BYTES) return this.#withRoom(text);
    const size = this.#memory.write(text, this.#log + tail);
    if (size !== length && !text.isWellFormed()) return this.#refuse("notUnicode");
    const end = this.#push(size);
    if (end < 0) return this.#refused(end, text);
    this.#tail = end;
    return "accepted";
  }

  bytes(bytes: Uint8Array): Verdict {
    const tail = this.#tail;
    if (tail === 0) this.#begin();
    if (tail + bytes.length > LOG_BYTES) return this.#withRoom(bytes);
    const at = this.#log + tail;
    this.#memory.set(bytes, at);
    if (this.#layout.kernel.isUtf8(at, bytes.length) === 0) return this.#refuse("notUnicode");
    const end = this.#push(bytes.length);
    if (end < 0) return this.#refused(end, bytes);
    this.#tail = end;
    return "accepted";
  }

  /**
   * Takes in many at once; returns how many were accepted, the others being counted. Nothing is
   * handed over in between, so that what a full ring refuses does not depend on timing; what earlier
   * batches brought is handed over first, so that many in one turn do not push one another out.
   */
  batch(events: readonly (string | Uint8Array)[]): number {
    if (this.#dirty.length > 0) this.#options.onFull();
    this.#isBatch = true;
    this.#refusedInBatch = 0;
    try {
      for (let next = 0; next < events.length; ) {
        const end = this.#group(events, next);
        if (end === next) this.#single(events[next] as string | Uint8Array);
        next = Math.max(end, next + 1);
      }
    } finally {
      this.#isBatch = false;
    }
    const { kernel } = this.#layout;
    const [invalid, dropped] = [kernel.takeInvalid(), kernel.takeDropped()];
    this.invalid += invalid;
    this.dropped += dropped;
    return events.length - this.#refusedInBatch - invalid - dropped;
  }

  /** Moves the log to the rings; the shards concerned become dirty. */
  seal(): void {
    this.#isAnnounced = false;
    if (this.#tail === 0) return;
    const { kernel, log, memory, ends, targets } = this.#layout;
    const count = kernel.eventsInLog();
    const base = this.#startedAt > this.#lastStamp ? this.#startedAt : this.#lastStamp + 1n;
    this.#lastStamp = base + BigInt(count - 1);
    if (kernel.logHasHoles() === 0 && (this.#shards === 1 || count === 1)) {
      const run = { bytes: memory, start: log, size: this.#tail, ends, endsFrom: 0, first: 0 };
      this.#toRing(targets[0] as number, { ...run, count, base });
    } else {
      this.#gather(base);
    }
    kernel.emptyLog();
    this.#tail = 0;
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
    return this.#layout.queued[shard] as number;
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

  /** Events accepted. */
  get ingested(): number {
    let sum = this.queued;
    for (const count of this.#passed) sum += count;
    return sum;
  }

  /** Events that wait in the log and the rings. */
  get queued(): number {
    let sum = 0;
    for (const count of this.#layout.queued) sum += count;
    return sum;
  }

  /** Bytes of payload that wait in the log and the rings. */
  get queuedBytes(): number {
    let sum = this.#tail;
    for (const ring of this.#rings) sum += ring.bytes;
    return sum;
  }

  #single(event: string | Uint8Array): void {
    const verdict = typeof event === "string" ? this.text(event) : this.bytes(event);
    if (verdict !== "accepted") this.#refusedInBatch += 1;
  }

  #refused(refusal: number, event: string | Uint8Array): Verdict {
    if (refusal === PushRefusal.logFull) {
      if (!this.#isBatch) this.#options.onFull();
      this.seal();
      return typeof event === "string" ? this.text(event) : this.bytes(event);
    }
    if (refusal === PushRefusal.notJson) return this.#refuse("notJson");
    if (refusal === PushRefusal.tooLarge) return this.#refuse("tooLarge");
    const shard = this.#layout.kernel.lastFullShard();
    if (!this.#isBatch) {
      // An adapter that takes events at once gets them now; then it is settled.
      this.#options.onFull();
      if (this.queuedOf(shard) < this.#options.usable) {
        return typeof event === "string" ? this.text(event) : this.bytes(event);
      }
    }
    this.dropped += 1;
    return "ringFull";
  }

  #refuse(verdict: Verdict): Verdict {
    this.invalid += 1;
    return verdict;
  }

  #begin(): void {
    this.#startedAt = this.#options.clock();
    if (this.#isAnnounced) return;
    this.#isAnnounced = true;
    this.#options.onPending();
  }

  /** Empties the log when it is full, and enlarges it for an event that does not fit an empty one. */
  #withRoom(event: string | Uint8Array): Verdict {
    const size = typeof event === "string" ? Buffer.byteLength(event) : event.length;
    if (size > this.#options.maxEventBytes) return this.#refuse("tooLarge");
    if (this.#tail + size > LOG_BYTES) {
      if (!this.#isBatch) this.#options.onFull();
      this.seal();
      this.#begin();
    }
    this.#layout.reserve(size);
    this.#memory = this.#layout.memory;
    const at = this.#log + this.#tail;
    if (typeof event === "string") this.#memory.write(event, at);
    else this.#memory.set(event, at);
    const isText =
      typeof event === "string" ? event.isWellFormed() : this.#layout.kernel.isUtf8(at, size) !== 0;
    if (!isText) return this.#refuse("notUnicode");
    const end = this.#push(size);
    if (end < 0) return this.#refused(end, event);
    this.#tail = end;
    // An event larger than the log has it to itself.
    if (end > LOG_BYTES) this.seal();
    return "accepted";
  }

  /**
   * Takes in ASCII texts from `start` on, as many as fit, with one write and one call. Returns the
   * index behind the last; `start` when the next text has to go by itself.
   */
  #group(events: readonly (string | Uint8Array)[], start: number): number {
    const { kernel, log, memory, ends } = this.#layout;
    const first = kernel.eventsInLog();
    const from = this.#tail;
    const last = Math.min(events.length, start + LOG_EVENTS - first);
    // Texts that fit however they are encoded.
    const limit = from + Math.floor((LOG_BYTES - from) / 3);
    let joined = "";
    let tail = from;
    let end = start;
    while (end < last) {
      const event = events[end] as string | Uint8Array;
      if (typeof event !== "string" || tail + event.length > limit) break;
      tail += event.length;
      ends[first + end - start] = tail;
      joined += event;
      end += 1;
    }
    const length = end - start;
    if (length < 2) return start;
    if (from === 0) this.#begin();
    if (memory.write(joined, log + from) !== joined.length) {
      // More bytes than characters: not ASCII, so the ends are not known from the lengths.
      for (let i = start; i < end; i += 1) this.#single(events[i] as string);
      return end;
    }
    this.#tail = kernel.pushAll(length);
    return end;
  }

  #gather(base: bigint): void {
    const { kernel, at, memory } = this.#layout;
    const met = kernel.gather(at.tallies, at.runs, at.out, at.outEnds, at.outOrder);
    const { runs, outEnds, outOrder } = this.#layout;
    for (let r = 0; r < met * RUN_WORDS; r += RUN_WORDS) {
      const firstByte = runs[r + 3] as number;
      this.#toRing(runs[r] as number, {
        bytes: memory,
        start: at.out + firstByte,
        size: runs[r + 4] as number,
        ends: outEnds,
        endsFrom: firstByte,
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
    const { queued } = this.#layout;
    queued[shard] = (queued[shard] as number) - count;
    this.#passed[shard] = (this.#passed[shard] as number) + count;
  }
}
