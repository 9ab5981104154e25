import { xxh3 } from "@gaiaftcl/xxh3";
import { CortexError } from "./cortex-error.js";
import type { PostcardWriter } from "./postcard-writer.js";

/** Bytes before the tail of every event (CortEX format, section 8). */
const ENVELOPE_BYTES = 24;
const checksumAt = 20;

/** One event of a model as it stands in the log (CortEX format, section 8). */
export interface Envelope {
  /** 0x01 to 0x0F tasks, 0x10 to 0x1F memories, 0x80 to 0xFF applications. */
  readonly dispatch: number;
  /** Bit 0 causal, bit 1 continuity proof; models write 0 and ignore it. */
  readonly flags: number;
  readonly originHash: bigint;
  /** The adapters' counter of an origin's writes. */
  readonly seqOrTs: bigint;
  /** The operation's fields in postcard; a view of the payload. */
  readonly tail: Uint8Array;
}

/**
 * The payload of an event whose tail `writeTail` writes.
 * @param writer scratch space, free to use until this returns
 */
export function encodeEnvelope(
  writer: PostcardWriter,
  header: { readonly dispatch: number; readonly originHash: bigint; readonly seqOrTs: bigint },
  writeTail: (writer: PostcardWriter) => void,
): Uint8Array {
  writer.begin(ENVELOPE_BYTES);
  writeTail(writer);
  writer.setU64(4, header.originHash);
  writer.setU64(12, header.seqOrTs);
  const payload = writer.take();
  payload[0] = header.dispatch;
  const checksum = low32(payload);
  payload[checksumAt] = checksum;
  payload[checksumAt + 1] = checksum >>> 8;
  payload[checksumAt + 2] = checksum >>> 16;
  payload[checksumAt + 3] = checksum >>> 24;
  return payload;
}

/**
 * The event that a log's payload holds. The checksum may be over header and tail or, in the older
 * form, over the tail alone.
 * @throws CortexError `DECODE` for a payload too short or with a wrong checksum
 */
export function decodeEnvelope(payload: Uint8Array): Envelope {
  if (payload.length < ENVELOPE_BYTES) {
    throw new CortexError(
      "DECODE",
      `expected an event of at least ${ENVELOPE_BYTES} bytes, found ${payload.length}`,
    );
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const stored = view.getUint32(checksumAt, true);
  const tail = payload.subarray(ENVELOPE_BYTES);
  if (stored !== checksumOf(payload) && stored !== low32(tail)) {
    throw new CortexError("DECODE", `the event's checksum ${stored.toString(16)} does not match`);
  }
  return {
    dispatch: payload[0] ?? 0,
    flags: payload[1] ?? 0,
    originHash: view.getBigUint64(4, true),
    seqOrTs: view.getBigUint64(12, true),
    tail,
  };
}

/** Over the payload with the reserved bytes and the checksum's own as zero. */
function checksumOf(payload: Uint8Array): number {
  const copy = new Uint8Array(payload);
  copy.fill(0, 2, 4);
  copy.fill(0, checksumAt, ENVELOPE_BYTES);
  return low32(copy);
}

function low32(bytes: Uint8Array): number {
  return Number(xxh3(bytes) & 0xffff_ffffn);
}
