// What happens to an event between the caller and its shard: checked, hashed, and grouped by shard.

import { isJson } from "./json";
import { hash } from "./xxh3";

/** An event that is not one JSON value, or that a full ring refused. */
const NO_SHARD: i32 = -1;

/** floor(hash * shards / 2^64), in two steps that fit 64 bits. */
function scale(h: u64, shards: u32): u32 {
  const n = shards as u64;
  return (((h >> 32) * n + (((h & 0xffffffff) * n) >> 32)) >> 32) as u32;
}

export function shardOf(at: usize, length: usize, shards: u32): u32 {
  return shards === 1 ? 0 : scale(hash(at, length), shards);
}

/** The shard of one event, or -1 when it is not exactly one JSON value. */
export function accept(at: usize, length: usize, shards: u32): i32 {
  if (!isJson(at, length)) return NO_SHARD;
  return shardOf(at, length, shards) as i32;
}

/**
 * Like `accept` for `count` events that lie one behind the other; `ends` are relative to `base`.
 * Returns how many are not JSON.
 */
export function acceptAll(
  base: usize,
  start: u32,
  ends: usize,
  count: u32,
  shards: u32,
  out: usize,
): u32 {
  let from = start;
  let refused: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const end = load<u32>(ends + (i << 2));
    const shard = accept(base + from, end - from, shards);
    store<i32>(out + (i << 2), shard);
    refused += (shard as u32) >> 31;
    from = end;
  }
  return refused;
}

/**
 * Gathers `count` events by shard, keeping their order within each. `tallies` has two zeroed words
 * for every shard and is left zeroed. Writes, for every shard met, (shard, events, first event,
 * first byte, bytes) to `runs`; the payloads to `out`; and for every event its end within its run
 * and its index in the input to `outEnds` and `outOrder`. Returns how many shards were met.
 */
export function gather(
  base: usize,
  ends: usize,
  shards: usize,
  count: u32,
  tallies: usize,
  runs: usize,
  out: usize,
  outEnds: usize,
  outOrder: usize,
): u32 {
  let met: u32 = 0;
  let from: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const end = load<u32>(ends + (i << 2));
    const shard = load<i32>(shards + (i << 2));
    if (shard !== NO_SHARD) {
      const tally = tallies + ((shard as u32) << 3);
      const events = load<u32>(tally);
      if (events === 0) {
        store<u32>(runs + met * 20, shard as u32);
        met++;
      }
      store<u32>(tally, events + 1);
      store<u32>(tally, load<u32>(tally, 4) + end - from, 4);
    }
    from = end;
  }
  let firstEvent: u32 = 0;
  let firstByte: u32 = 0;
  for (let r: u32 = 0; r < met; r++) {
    const run = runs + r * 20;
    const tally = tallies + (load<u32>(run) << 3);
    const events = load<u32>(tally);
    const bytes = load<u32>(tally, 4);
    store<u32>(run, events, 4);
    store<u32>(run, firstEvent, 8);
    store<u32>(run, firstByte, 12);
    store<u32>(run, bytes, 16);
    store<u32>(tally, firstEvent);
    store<u32>(tally, firstByte, 4);
    firstEvent += events;
    firstByte += bytes;
  }
  from = 0;
  for (let i: u32 = 0; i < count; i++) {
    const end = load<u32>(ends + (i << 2));
    const shard = load<i32>(shards + (i << 2));
    if (shard !== NO_SHARD) {
      const tally = tallies + ((shard as u32) << 3);
      const event = load<u32>(tally);
      const byte = load<u32>(tally, 4);
      memory.copy(out + byte, base + from, end - from);
      store<u32>(tally, event + 1);
      store<u32>(tally, byte + end - from, 4);
      store<u32>(outEnds + (event << 2), byte + end - from);
      store<u32>(outOrder + (event << 2), i);
    }
    from = end;
  }
  for (let r: u32 = 0; r < met; r++) {
    const run = runs + r * 20;
    store<u64>(tallies + (load<u32>(run) << 3), 0);
    const byte = load<u32>(run, 12);
    if (byte === 0) continue;
    const last = load<u32>(run, 8) + load<u32>(run, 4);
    for (let event = load<u32>(run, 8); event < last; event++) {
      store<u32>(outEnds + (event << 2), load<u32>(outEnds + (event << 2)) - byte);
    }
  }
  return met;
}
