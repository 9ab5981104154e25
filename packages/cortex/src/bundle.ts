import type { AdapterSnapshot } from "./adapter-snapshot.js";
import { type Codec, decode, encode } from "./codec.js";
import { option, struct } from "./compound-codecs.js";
import { NetDbError, reasonOf } from "./cortex-error.js";
import { bytes, u64 } from "./scalar-codecs.js";

/** The snapshots of a NetDb's models; a model that it does not have is absent. */
export interface SnapshotBundle {
  readonly tasks: AdapterSnapshot | undefined;
  readonly memories: AdapterSnapshot | undefined;
}

const pair: Codec<AdapterSnapshot> = struct({ bytes, lastSeq: option(u64) });
const bundle: Codec<SnapshotBundle> = struct({ tasks: option(pair), memories: option(pair) });

/** The bundle's bytes (CortEX format, section 11). */
export function encodeBundle(value: SnapshotBundle): Uint8Array {
  return encode(bundle, value);
}

/** The bundle of bytes; what follows it is ignored. @throws NetDbError `DECODE` */
export function decodeBundle(input: Uint8Array): SnapshotBundle {
  try {
    return decode(bundle, input);
  } catch (error) {
    throw new NetDbError("DECODE", `decode snapshot bundle: snapshot: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}
