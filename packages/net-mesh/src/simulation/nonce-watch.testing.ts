import {
  datagramKind,
  decodeRoutingHeader,
  packetFlags,
  ROUTING_HEADER_BYTES,
} from "@gaiaftcl/net-wire";
import { low32 } from "../peers/node-id.js";

const COUNTER_AT = 16;
const SESSION_AT = 24;

/**
 * Sees every datagram that leaves a node and fails when a sender uses one AEAD counter of a session
 * twice. Keys follow from session, direction and counter alone (a key epoch is a range of counters),
 * so that this is the uniqueness of (key, nonce).
 */
export class NonceWatch {
  readonly #used = new Map<string, Set<number>>();

  /** @throws Error when `sender` sealed two packets under one counter */
  see(sender: bigint, datagram: Uint8Array): void {
    const packet = ownPacket(low32(sender), datagram);
    if (packet === undefined) {
      return;
    }
    const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
    const counter = Number(view.getBigUint64(COUNTER_AT, true));
    const direction = `${view.getBigUint64(SESSION_AT, true)} ${sender}`;
    const counters = this.#used.get(direction) ?? new Set();
    this.#used.set(direction, counters);
    if (counters.has(counter)) {
      throw new Error(`counter ${counter} of session and sender ${direction} was used twice`);
    }
    counters.add(counter);
  }
}

/** The sealed packet in a datagram, unless it is another node's that is passed on. */
function ownPacket(sender: number, datagram: Uint8Array): Uint8Array | undefined {
  const kind = datagramKind(datagram);
  if (kind !== "packet" && kind !== "routed") {
    return undefined;
  }
  if (kind === "routed" && decodeRoutingHeader(datagram)?.source !== sender) {
    return undefined;
  }
  const packet = kind === "packet" ? datagram : datagram.subarray(ROUTING_HEADER_BYTES);
  return ((packet[3] as number) & packetFlags.handshake) === 0 ? packet : undefined;
}
