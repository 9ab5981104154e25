import { Buffer } from "node:buffer";
import { Kernel } from "./kernel.js";

let kernel: Kernel | undefined;

function place(event: string | Uint8Array): [Kernel, number, number] {
  kernel ??= new Kernel();
  const bytes = typeof event === "string" ? Buffer.from(event, "utf8") : event;
  return [kernel, kernel.place(bytes), bytes.length];
}

/** XXH3-64, seed 0, of an event's bytes as an unsigned 64-bit integer (event bus format, section 3). */
export function xxh3(event: string | Uint8Array): bigint {
  const [{ run }, at, length] = place(event);
  return BigInt.asUintN(64, run.hash(at, length));
}

/**
 * The shard an event belongs to among `shards` (1 to 65,535): floor(XXH3-64 · shards / 2^64), the
 * same in every language (event bus format, section 3).
 */
export function shardOf(event: string | Uint8Array, shards: number): number {
  const [{ run }, at, length] = place(event);
  return run.shardOf(at, length, shards);
}
