import { encodeRendezvous, type Rendezvous } from "@gaiaftcl/net-wire";
import type { TraversalPort } from "./traversal-port.js";

export const RENDEZVOUS_SUBPROTOCOL = 0x0d01;

/** How far in the future both sides are told to fire, in milliseconds. */
const PUNCH_LEAD_MS = 500;

type PunchRequest = Extract<Rendezvous, { kind: "request" }>;
type PunchAck = Extract<Rendezvous, { kind: "ack" }>;

/**
 * The part of a node that introduces two peers of its own to each other (Net transport format,
 * section 13.5). It keeps no state: what it cannot do, it leaves unanswered.
 */
export class PunchCoordinator {
  readonly #port: TraversalPort;

  constructor(port: TraversalPort) {
    this.#port = port;
  }

  /** `requester` wants to meet `request.target`: introduces each to the other, or stays silent. */
  requested(requester: bigint, request: PunchRequest, wallClock: number): void {
    const target = request.target;
    const targetReflex = this.#port.announcedReflex(target);
    if (
      targetReflex === undefined ||
      target === requester ||
      this.#port.addressOf(target) === undefined ||
      this.#port.addressOf(requester) === undefined
    ) {
      return;
    }
    const fireAtMs = BigInt(Math.floor(wallClock) + PUNCH_LEAD_MS);
    this.#port.sendControl(
      requester,
      RENDEZVOUS_SUBPROTOCOL,
      encodeRendezvous({ kind: "introduce", peer: target, peerReflex: targetReflex, fireAtMs }),
    );
    this.#port.sendControl(
      target,
      RENDEZVOUS_SUBPROTOCOL,
      encodeRendezvous({
        kind: "introduce",
        peer: requester,
        peerReflex: request.reflex,
        fireAtMs,
      }),
    );
  }

  /** An acknowledgement that is for somebody else goes on to that peer, if it comes from whom it names. */
  forward(sender: bigint, ack: PunchAck): void {
    if (ack.fromPeer === sender) {
      this.#port.sendControl(ack.toPeer, RENDEZVOUS_SUBPROTOCOL, encodeRendezvous(ack));
    }
  }
}
