import { xxh3 } from "@gaiaftcl/xxh3";
import { ensureU64 } from "./permission-token.js";

const ORIGIN_BYTES = 8;
const LOW_32 = 0xffff_ffffn;
const BITS = 64n;

/**
 * The horizon with one more origin in it (Net identity format, section 13.1): a Bloom filter of 64 bits
 * for the origins whose events were seen, three bits for each. The empty horizon is 0.
 *
 * @throws NetIdentityError `RANGE`
 */
export function horizonWith(horizon: bigint, originHash: bigint): bigint {
  return ensureU64("horizon", horizon) | bitsOf(originHash);
}

/**
 * Whether an origin may be in a horizon. `false` is certain; `true` is wrong the more often the more
 * origins there are: with 20 of them about one time in four.
 *
 * @throws NetIdentityError `RANGE`
 */
export function horizonMayContain(horizon: bigint, originHash: bigint): boolean {
  const bits = bitsOf(originHash);
  return (ensureU64("horizon", horizon) & bits) === bits;
}

function bitsOf(originHash: bigint): bigint {
  const origin = new Uint8Array(ORIGIN_BYTES);
  new DataView(origin.buffer).setBigUint64(0, ensureU64("originHash", originHash), true);
  const hash = xxh3(origin);
  const first = hash & LOW_32;
  const step = (hash >> 32n) | 1n;
  // The format takes the sums modulo 2^32 first, which changes nothing modulo 64.
  return (
    (1n << (first % BITS)) | (1n << ((first + step) % BITS)) | (1n << ((first + 2n * step) % BITS))
  );
}
