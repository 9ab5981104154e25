// What src/checksum.ts calls. AssemblyScript: compiled to WebAssembly by `pnpm run build:kernel`.
import { hash } from "./xxh3";

const MASK: u32 = 0x0fffffff;
const INLINE: u32 = 0x80000000;

/** The checksum of a record: the low 28 bits of XXH3-64 of its payload. */
export function checksum(at: usize, length: usize): u32 {
  return (hash(at, length) as u32) & MASK;
}

/**
 * From record number `from` on, how far the records at `records` are whole: heap records whose
 * payloads lie in the payload file's bytes `start` to `end`, which are at `window`, and match their
 * checksums. Returns the number of the first that is not, or `count`.
 */
export function verify(
  records: usize,
  from: u32,
  count: u32,
  window: usize,
  start: f64,
  end: f64,
): u32 {
  const first = start as u64;
  const last = end as u64;
  for (let n = from; n < count; n++) {
    const at = records + n * 20;
    const word = load<u32>(at, 16);
    const offset = load<u32>(at, 8) as u64;
    const length = load<u32>(at, 12) as u64;
    if ((word & INLINE) !== 0 || offset < first || offset + length > last) return n;
    if (checksum(window + ((offset - first) as usize), length as usize) !== (word & MASK)) return n;
  }
  return count;
}
