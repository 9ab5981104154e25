import { encodeRouted, ROUTED_DATA_TTL } from "@gaiaftcl/net-wire";
import { low32 } from "../peers/node-id.js";
import type { MeshState } from "./mesh-state.js";
import type { Peer } from "./peer.js";

/** Packets of one peer in a row before the next peer's turn. */
const PACKETS_PER_TURN = 32;
/** Packets of one flush; what is left goes with the next, after what has arrived meanwhile. */
const PACKETS_PER_FLUSH = 256;

/** Seals what the streams of peers have to send and brings it on its way. */
export class Outbound {
  readonly #state: MeshState;
  /** When the streams of a peer want to be asked again; only finite times. */
  readonly #due = new Map<Peer, number>();
  #earliest = Number.POSITIVE_INFINITY;

  constructor(state: MeshState) {
    this.#state = state;
  }

  /** When `flush` is wanted: at once while a peer is busy. */
  deadline(): number {
    return this.#state.busy.size > 0 ? Number.NEGATIVE_INFINITY : this.#earliest;
  }

  /** Sends what is ready, peer by peer in turns. */
  flush(): void {
    const { busy, now } = this.#state;
    if (now >= this.#earliest) {
      this.#wakeDue();
    }
    let left = PACKETS_PER_FLUSH;
    while (busy.size > 0 && left > 0) {
      for (const peer of busy) {
        const sent = this.#send(peer, Math.min(PACKETS_PER_TURN, left));
        left -= sent;
        if (left <= 0) {
          break;
        }
      }
    }
  }

  /** Forgets a peer whose session ended. */
  forget(peer: Peer): void {
    this.#state.busy.delete(peer);
    this.#due.delete(peer);
  }

  /** Sends a sealed packet to its peer, with a routing header where a relay is between. */
  transmit(peer: Peer, packet: Uint8Array): void {
    if (!peer.isRelayed) {
      this.#state.transmit(packet, peer.address);
      return;
    }
    const to = this.nextHop(peer.nodeId);
    if (to !== undefined) {
      this.#state.transmit(
        encodeRouted(
          {
            ttl: ROUTED_DATA_TTL,
            hopCount: 0,
            flags: 0,
            source: low32(this.#state.nodeId),
            destination: peer.nodeId,
          },
          packet,
        ),
        to,
      );
    }
  }

  /**
   * The address for packets to `destination`: the table's, else that of a peer by which waves of it
   * came, else any healthy peer's.
   */
  nextHop(destination: bigint): string | undefined {
    const { routes, graph, peers, detector, now } = this.#state;
    const route = routes.nextHop(destination, now);
    if (route !== undefined) {
      return route;
    }
    const isUsable = (peer: Peer | undefined): boolean =>
      peer !== undefined &&
      !peer.isRelayed &&
      peer.nodeId !== destination &&
      detector.health(peer.nodeId) === "healthy";
    for (const neighbour of graph.neighboursTowards(destination, now)) {
      const peer = peers.get(neighbour);
      if (isUsable(peer)) {
        return peer?.address;
      }
    }
    for (const peer of peers.values()) {
      if (isUsable(peer)) {
        return peer.address;
      }
    }
    return undefined;
  }

  #send(peer: Peer, limit: number): number {
    const { streams, session } = peer;
    const { now, around } = this.#state;
    for (let sent = 0; sent < limit; sent += 1) {
      const packet = streams.next(now);
      if (packet === undefined) {
        this.#rest(peer);
        return sent;
      }
      const datagram = session.seal(packet, packet.payload, now);
      streams.sealed(packet, session.lastCounter, now);
      this.transmit(peer, datagram);
      if (around.hasSentAll?.() === true) {
        session.release(datagram);
      }
    }
    return limit;
  }

  #rest(peer: Peer): void {
    this.#state.busy.delete(peer);
    const due = peer.streams.deadline();
    if (due === Number.POSITIVE_INFINITY) {
      this.#due.delete(peer);
      return;
    }
    this.#due.set(peer, due);
    this.#earliest = Math.min(this.#earliest, due);
  }

  #wakeDue(): void {
    this.#earliest = Number.POSITIVE_INFINITY;
    for (const [peer, due] of this.#due) {
      if (due <= this.#state.now) {
        this.#due.delete(peer);
        this.#state.busy.add(peer);
      } else {
        this.#earliest = Math.min(this.#earliest, due);
      }
    }
  }
}
