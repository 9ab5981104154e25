// What src/checksum.ts calls. AssemblyScript: compiled to WebAssembly by build.mjs.
import { hash } from "./xxh3";

export { absorb, begin, finish, hash } from "./xxh3";

/** The checksum of a record: the low 28 bits of XXH3-64 of its payload. */
export function checksum(at: usize, length: usize): u32 {
  return (hash(at, length) as u32) & 0x0fffffff;
}
