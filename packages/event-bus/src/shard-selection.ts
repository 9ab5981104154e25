import { Buffer } from "node:buffer";
import { Kernel } from "./kernel.js";

let kernel: Kernel | undefined;

/**
 * The shard an event belongs to among `shards` (1 to 65,535): floor(XXH3-64 · shards / 2^64), the
 * same in every language (event bus format, section 3).
 */
export function shardOf(event: string | Uint8Array, shards: number): number {
  kernel ??= new Kernel();
  const bytes = typeof event === "string" ? Buffer.from(event, "utf8") : event;
  return kernel.run.shardOf(kernel.place(bytes), bytes.length, shards);
}
