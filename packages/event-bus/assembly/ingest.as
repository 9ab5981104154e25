// What happens to an event between the caller and its shard: checked, hashed, counted against its
// ring, and grouped with others of its shard. One instance serves one bus.

import { hash } from "./xxh3";
import { isJson } from "./json";

/** In place of a shard: an event that was refused. */
const NO_SHARD: i32 = -1;
/** What `push` returns instead of the new end of the log. */
const NOT_JSON: i32 = -1;
const RING_FULL: i32 = -2;
const TOO_LARGE: i32 = -3;
const LOG_FULL: i32 = -4;
/** Words of a run: shard, events, first event, first byte, bytes. */
const RUN_BYTES: u32 = 20;

let shards: u32 = 1;
/** The most events of a shard that may wait. */
let limit: u32 = 0;
let maxBytes: u32 = 0;
/** The most events the log holds. */
let logEvents: u32 = 0;
/** The log: the events' bytes end to end, and beside it where each ends and its shard. */
let log: usize = 0;
let ends: usize = 0;
let targets: usize = 0;
/** For each shard, how many of its events wait. */
let queued: usize = 0;
let tail: u32 = 0;
let events: u32 = 0;
let hasHoles: bool = false;
let fullShard: u32 = 0;
let invalid: u32 = 0;
let dropped: u32 = 0;

export function configure(
  shardCount: u32,
  ringLimit: u32,
  largest: u32,
  capacity: u32,
  logAt: usize,
  endsAt: usize,
  targetsAt: usize,
  queuedAt: usize,
): void {
  shards = shardCount;
  limit = ringLimit;
  maxBytes = largest;
  logEvents = capacity;
  log = logAt;
  ends = endsAt;
  targets = targetsAt;
  queued = queuedAt;
}

/** floor(hash * count / 2^64), in two steps that fit 64 bits. */
@inline
function scale(h: u64, count: u32): u32 {
  const n = count as u64;
  return (((h >> 32) * n + (((h & 0xffffffff) * n) >> 32)) >> 32) as u32;
}

export function shardOf(at: usize, length: usize, count: u32): u32 {
  return count === 1 ? 0 : scale(hash(at, length), count);
}

/** Appends what lies behind the log, `size` bytes, to it; the log's new end, or why not. */
export function push(size: u32): i32 {
  const at = log + tail;
  if (size > maxBytes) return TOO_LARGE;
  if (events === logEvents) return LOG_FULL;
  if (!isJson(at, size)) return NOT_JSON;
  const shard = shards === 1 ? 0 : scale(hash(at, size), shards);
  const waiting = queued + (shard << 2);
  const count = load<u32>(waiting);
  if (count >= limit) {
    fullShard = shard;
    return RING_FULL;
  }
  store<u32>(waiting, count + 1);
  tail += size;
  store<u32>(ends + (events << 2), tail);
  store<i32>(targets + (events << 2), shard as i32);
  events++;
  return tail as i32;
}

/** Appends `count` events that lie behind the log and whose ends are in place already. */
export function pushAll(count: u32): u32 {
  for (const last = events + count; events < last; events++) {
    const end = load<u32>(ends + (events << 2));
    const size = end - tail;
    const at = log + tail;
    let target = NO_SHARD;
    if (size > maxBytes || !isJson(at, size)) invalid++;
    else {
      const shard = shards === 1 ? 0 : scale(hash(at, size), shards);
      const waiting = queued + (shard << 2);
      const before = load<u32>(waiting);
      if (before >= limit) dropped++;
      else {
        store<u32>(waiting, before + 1);
        target = shard as i32;
      }
    }
    if (target === NO_SHARD) hasHoles = true;
    store<i32>(targets + (events << 2), target);
    tail = end;
  }
  return tail;
}

/** The shard whose ring was full when `push` last said so. */
export function lastFullShard(): u32 {
  return fullShard;
}

/** How many events `pushAll` refused since the last call: not JSON or too large. */
export function takeInvalid(): u32 {
  const count = invalid;
  invalid = 0;
  return count;
}

/** How many events `pushAll` refused since the last call because their ring was full. */
export function takeDropped(): u32 {
  const count = dropped;
  dropped = 0;
  return count;
}

export function eventsInLog(): u32 {
  return events;
}

export function logHasHoles(): bool {
  return hasHoles;
}

export function emptyLog(): void {
  tail = 0;
  events = 0;
  hasHoles = false;
}

/** Copies an event. `memory.copy` is a call out of the module, which is dear for a few bytes. */
@inline
function copy(to: usize, from: usize, length: u32): void {
  if (length > 256) memory.copy(to, from, length);
  else if (length < 16) {
    for (let i: u32 = 0; i < length; i++) store<u8>(to + i, load<u8>(from + i));
  } else {
    // Blocks of 16; the last one ends with the event and may overlap the one before.
    const last = length - 16;
    for (let i: u32 = 0; i < last; i += 16) v128.store(to + i, v128.load(from + i));
    v128.store(to + last, v128.load(from + last));
  }
}

/**
 * Gathers the events of the log by shard, keeping their order within each. `tallies` has two zeroed
 * words for every shard and is left zeroed. Writes, for every shard met, a run to `runs`; the
 * payloads to `out`; and for every event its end in `out` and its index in the log to `outEnds` and
 * `outOrder`. Returns how many shards were met.
 */
export function gather(
  tallies: usize,
  runs: usize,
  out: usize,
  outEnds: usize,
  outOrder: usize,
): u32 {
  let met: u32 = 0;
  let from: u32 = 0;
  for (let i: u32 = 0; i < events; i++) {
    const end = load<u32>(ends + (i << 2));
    const shard = load<i32>(targets + (i << 2));
    if (shard !== NO_SHARD) {
      const tally = tallies + ((shard as u32) << 3);
      const count = load<u32>(tally);
      if (count === 0) {
        store<u32>(runs + met * RUN_BYTES, shard as u32);
        met++;
      }
      store<u32>(tally, count + 1);
      store<u32>(tally, load<u32>(tally, 4) + end - from, 4);
    }
    from = end;
  }
  let firstEvent: u32 = 0;
  let firstByte: u32 = 0;
  for (let r: u32 = 0; r < met; r++) {
    const run = runs + r * RUN_BYTES;
    const tally = tallies + (load<u32>(run) << 3);
    const count = load<u32>(tally);
    const bytes = load<u32>(tally, 4);
    store<u32>(run, count, 4);
    store<u32>(run, firstEvent, 8);
    store<u32>(run, firstByte, 12);
    store<u32>(run, bytes, 16);
    // From here on: the next event of the shard, and the byte at which it goes.
    store<u32>(tally, firstEvent);
    store<u32>(tally, firstByte, 4);
    firstEvent += count;
    firstByte += bytes;
  }
  from = 0;
  for (let i: u32 = 0; i < events; i++) {
    const end = load<u32>(ends + (i << 2));
    const shard = load<i32>(targets + (i << 2));
    if (shard !== NO_SHARD) {
      const tally = tallies + ((shard as u32) << 3);
      const event = load<u32>(tally);
      const byte = load<u32>(tally, 4);
      const next = byte + end - from;
      copy(out + byte, log + from, end - from);
      store<u32>(tally, event + 1);
      store<u32>(tally, next, 4);
      store<u32>(outEnds + (event << 2), next);
      store<u32>(outOrder + (event << 2), i);
    }
    from = end;
  }
  for (let r: u32 = 0; r < met; r++) {
    store<u64>(tallies + (load<u32>(runs + r * RUN_BYTES) << 3), 0);
  }
  return met;
}
