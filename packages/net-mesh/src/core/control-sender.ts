import { NetWireError, type PacketLabel, type SendOptions } from "@gaiaftcl/net-wire";
import type { MeshState } from "./mesh-state.js";
import type { Peer } from "./peer.js";

/** Bytes before an event in a packet. */
const FRAME_BYTES = 4;
const RELIABLY: SendOptions = { open: { reliability: "reliable" } };

/** Sends the messages by which nodes talk about themselves. */
export class ControlSender {
  readonly #state: MeshState;
  readonly #labels = new Map<number, PacketLabel>();

  constructor(state: MeshState) {
    this.#state = state;
  }

  /** One object for each subprotocol, so that its events share packets. */
  label(subprotocolId: number): PacketLabel {
    let label = this.#labels.get(subprotocolId);
    if (label === undefined) {
      label = { subprotocolId };
      this.#labels.set(subprotocolId, label);
    }
    return label;
  }

  /**
   * Queues an event for a peer that has a session, unless that takes no more streams. Handed on to
   * parts of the node as it is.
   */
  readonly send = (
    peer: Peer,
    subprotocolId: number,
    event: Uint8Array,
    streamId: number = subprotocolId,
  ): void => {
    const { now, busy, peers } = this.#state;
    if (peers.get(peer.nodeId) !== peer || event.length > peer.streams.maxPayload - FRAME_BYTES) {
      return;
    }
    try {
      peer.streams.sendTo(BigInt(streamId), [event], now, {
        uncredited: true,
        label: this.label(subprotocolId),
        // What is said once, an announcement above all, must arrive; a 0.19.0 peer cannot have that.
        ...(peer.session.strict ? RELIABLY : {}),
      });
    } catch (error) {
      // A peer that has opened every stream there may be gets no control messages either.
      if (!(error instanceof NetWireError)) {
        throw error;
      }
    }
    busy.add(peer);
  };
}
