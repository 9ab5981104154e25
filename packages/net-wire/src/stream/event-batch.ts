import { decodeEventFrames } from "../event-frames.js";
import { readU32 } from "../little-endian.js";
import type { PacketLabel } from "./packet-label.js";

/** What the receive filter of a reliable legacy stream said (Net transport format, section 8.4). */
export type FilterVerdict = "accepted" | "duplicate" | "refused";

/**
 * The events of one packet, or one event that came in several. Its bytes are a view of the packet
 * given to `receive`; events are cut out of it only when asked for.
 */
export class EventBatch implements Iterable<Uint8Array> {
  readonly streamId: bigint;
  /** Sequence of the packet in its stream and direction. */
  readonly sequence: bigint;
  /** Net transport format, section 3: `u32 length, bytes`, `declared` times. */
  readonly payload: Uint8Array;
  readonly declared: number;
  readonly label: Required<PacketLabel>;
  readonly reliable: boolean;
  /** Anything but "accepted" occurs on reliable streams of 0.19.0 peers only. */
  readonly verdict: FilterVerdict;

  constructor(
    streamId: bigint,
    sequence: bigint,
    payload: Uint8Array,
    declared: number,
    label: Required<PacketLabel>,
    reliable: boolean,
    verdict: FilterVerdict,
  ) {
    this.streamId = streamId;
    this.sequence = sequence;
    this.payload = payload;
    this.declared = declared;
    this.label = label;
    this.reliable = reliable;
    this.verdict = verdict;
  }

  /**
   * The events as views of `payload`. Stops early at a frame that is cut off, and ignores bytes
   * after the last declared one (section 3).
   */
  events(): Uint8Array[] {
    return decodeEventFrames(this.payload, this.declared);
  }

  /** How many events `events` would return. */
  get count(): number {
    const { payload, declared } = this;
    let count = 0;
    for (let at = 0; count < declared && at + 4 <= payload.length; count++) {
      const size = readU32(payload, at);
      if (size > payload.length - at - 4) break;
      at += 4 + size;
    }
    return count;
  }

  [Symbol.iterator](): Iterator<Uint8Array> {
    return this.events()[Symbol.iterator]();
  }
}
