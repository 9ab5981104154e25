import { xxh3 } from "@gaiaftcl/xxh3";

/**
 * A stream id made of a name: XXH3-64 with seed 0 of its UTF-8 form (Net transport format, section
 * 8.1). Every side that names a stream alike uses the same one; the format does not ask for it.
 */
export function streamIdFromKey(key: string): bigint {
  return xxh3(key);
}
