// The parts of the kernel by themselves, for vectors that are no packets. Nothing of this is shipped.
import { stream } from "./chacha20";
import { PACKET } from "./memory";
import { poly1305 } from "./poly1305";

/** Combines `length` bytes with the key stream from block `counter` on. */
export function keyStream(counter: u32, length: i32): void {
  stream(counter, PACKET, length);
}

/** The tag of `length` bytes, a multiple of 16. */
export function mac(length: i32): void {
  poly1305(PACKET, PACKET + length);
}
