import {
  datagramKind,
  decodeHeader,
  decodePingwave,
  decodeRoutingHeader,
  encodeRouted,
  HEADER_BYTES,
  type OpenedPacket,
  type PacketSession,
  type Pingwave,
  packetFlags,
  ROUTED_DATA_TTL,
  ROUTING_HEADER_BYTES,
  type RoutingHeader,
  sessionIdOf,
  TAG_BYTES,
} from "@gaiaftcl/net-wire";
import { SourceRateLimit } from "../limits/source-rate-limit.js";
import { low32 } from "../peers/node-id.js";
import { judgeRouted } from "../relay/relay-rules.js";
import { RelayedHandshakes } from "../relay/relayed-handshakes.js";
import { RelayedSessions, type SessionEnd } from "../relay/relayed-sessions.js";
import type { MeshState } from "./mesh-state.js";
import { PATH_SUBPROTOCOL } from "./path-validation.js";
import type { Peer } from "./peer.js";

/** What the rest of the node does with what datagrams turn out to be. */
export interface InboundHandlers {
  directHandshake(message: Uint8Array, from: string): void;
  routedHandshake(source: number, message: Uint8Array, from: string, relayed: boolean): void;
  pingwave(wave: Pingwave, from: string): void;
  keepAlive(from: string): void;
  /** Something of `peer` was decrypted. */
  heard(peer: Peer, from: string): void;
  /** The session that waits for its first packet under this id. */
  candidate(sessionId: bigint): PacketSession | undefined;
  /** That packet came; gives the peer, unless another session of it is to stay. */
  confirm(sessionId: bigint): Peer | undefined;
  /** A packet of a strict peer came straight from an address that it is not, or may soon not be, reached at. */
  strayed(peer: Peer, from: string, bytes: number, isLatest: boolean): void;
  /** A question or answer about paths; `from` is there if it came straight from a strict peer. */
  path(peer: Peer, payload: Uint8Array, from: string | undefined): void;
}

const RELAYED_SESSION_TIMEOUTS = 3;

/**
 * Tells datagrams apart and brings each where it belongs (Net transport format, sections 1.1, 6.5
 * and 10). Whatever does not fit is dropped; nothing is ever answered.
 */
export class Inbound {
  readonly #state: MeshState;
  readonly #handlers: InboundHandlers;
  readonly #relayed: RelayedSessions;
  readonly #relayedHandshakes: RelayedHandshakes;
  readonly #relayLimit: SourceRateLimit;
  readonly #waveLimit: SourceRateLimit;

  constructor(state: MeshState, handlers: InboundHandlers) {
    const { relayedPerSource, pingwavesPerSource, sessionTimeoutMs } = state.around.tuning;
    this.#state = state;
    this.#handlers = handlers;
    const maxAgeMs = RELAYED_SESSION_TIMEOUTS * sessionTimeoutMs;
    this.#relayed = new RelayedSessions({ maxAgeMs });
    this.#relayedHandshakes = new RelayedHandshakes({ maxAgeMs });
    this.#relayLimit = new SourceRateLimit({
      perSecond: relayedPerSource,
      burst: relayedPerSource,
    });
    this.#waveLimit = new SourceRateLimit({
      perSecond: pingwavesPerSource,
      burst: pingwavesPerSource,
    });
  }

  /** Sessions of others that pass through here. */
  get relayedSessions(): number {
    return this.#relayed.size;
  }

  receive(datagram: Uint8Array, from: string): void {
    const { counters } = this.#state;
    counters.datagramsReceived += 1;
    counters.bytesReceived += datagram.length;
    switch (datagramKind(datagram)) {
      case "keep-alive":
        this.#handlers.keepAlive(from);
        return;
      case "pingwave":
        this.#pingwave(datagram, from);
        return;
      case "routed":
        this.#routed(datagram, from);
        return;
      case "packet":
        this.#direct(datagram, from);
        return;
      case "unknown":
        this.#state.drop();
    }
  }

  /** 72 bytes are a wave if they read as one, else whatever else they may be (section 1.1). */
  #pingwave(datagram: Uint8Array, from: string): void {
    const wave = decodePingwave(datagram);
    if (wave === undefined) {
      this.#state.drop();
    } else if (this.#waveLimit.admit(from, this.#state.now)) {
      this.#handlers.pingwave(wave, from);
    } else {
      this.#state.counters.rateLimited += 1;
    }
  }

  #direct(packet: Uint8Array, from: string): void {
    if (((packet[3] as number) & packetFlags.handshake) !== 0) {
      const message = handshakeMessage(packet);
      if (message === undefined) {
        this.#state.drop();
      } else {
        this.#handlers.directHandshake(message, from);
      }
      return;
    }
    const sessionId = sessionIdOf(packet);
    const peer = this.#peerOf(sessionId, from);
    if (peer !== undefined) {
      this.#open(peer, packet, from, true);
    } else if (
      !(this.#confirm(sessionId, packet, from, true) || this.#passOn(sessionId, packet, from))
    ) {
      this.#state.drop();
    }
  }

  #peerOf(sessionId: bigint, from: string): Peer | undefined {
    const { peers } = this.#state;
    const atSource = peers.at(from);
    return atSource?.sessionId === sessionId ? atSource : peers.withSession(sessionId);
  }

  /** @param isBare whether it came without a routing header, from the peer itself then */
  #open(peer: Peer, packet: Uint8Array, from: string, isBare: boolean): void {
    const { around, now } = this.#state;
    const opened = around.ownsDatagrams
      ? peer.session.openInPlace(packet, now)
      : peer.session.open(packet, now);
    if (opened === undefined) {
      this.#state.drop();
    } else {
      this.#opened(peer, opened, from, isBare);
    }
  }

  /** Whether the packet is the first of a session that waits for it. */
  #confirm(sessionId: bigint, packet: Uint8Array, from: string, isBare: boolean): boolean {
    const opened = this.#handlers.candidate(sessionId)?.open(packet, this.#state.now);
    if (opened === undefined) {
      return false;
    }
    const peer = this.#handlers.confirm(sessionId);
    if (peer !== undefined) {
      this.#opened(peer, opened, from, isBare);
    }
    return true;
  }

  #opened(peer: Peer, opened: OpenedPacket, from: string, isBare: boolean): void {
    const { now, busy } = this.#state;
    const isLatest = opened.counter > peer.highestCounter;
    if (isLatest) {
      peer.highestCounter = opened.counter;
    }
    // A peer's own address changes under it, as behind a translator that forgot it; where a relay is
    // between there is nothing to follow, and 0.19.0 keeps to the first address.
    const isFollowed = isBare && peer.session.strict && !peer.isRelayed;
    if (isFollowed && (from !== peer.address || peer.candidates.length > 0)) {
      const bytes = HEADER_BYTES + opened.payload.length + TAG_BYTES;
      this.#handlers.strayed(peer, from, bytes, isLatest);
    }
    this.#handlers.heard(peer, from);
    if (opened.subprotocolId === PATH_SUBPROTOCOL && peer.session.strict) {
      this.#handlers.path(peer, opened.payload, isFollowed ? from : undefined);
    } else if ((opened.flags & packetFlags.heartbeat) === 0) {
      peer.streams.receive(opened, now);
      busy.add(peer);
    }
  }

  #routed(datagram: Uint8Array, from: string): void {
    const header = decodeRoutingHeader(datagram);
    if (header === undefined) {
      this.#state.drop();
      return;
    }
    const { nodeId, routes, now } = this.#state;
    const verdict = judgeRouted(header, nodeId, from, (id) => routes.nextHop(id, now));
    switch (verdict.kind) {
      case "local":
        this.#routedToUs(header, datagram.subarray(ROUTING_HEADER_BYTES), from);
        return;
      case "drop":
        this.#state.counters.relayDrops += 1;
        return;
      case "forward":
        this.#forward(verdict, datagram.subarray(ROUTING_HEADER_BYTES), from);
    }
  }

  #routedToUs(header: RoutingHeader, packet: Uint8Array, from: string): void {
    if (((packet[3] as number) & packetFlags.handshake) !== 0) {
      const message = handshakeMessage(packet);
      if (message === undefined) {
        this.#state.drop();
      } else {
        this.#handlers.routedHandshake(header.source, message, from, header.hopCount > 0);
      }
      return;
    }
    const sessionId = sessionIdOf(packet);
    const peer = this.#state.peers.withSession(sessionId);
    if (peer !== undefined) {
      this.#open(peer, packet, from, false);
    } else if (!this.#confirm(sessionId, packet, from, false)) {
      this.#state.drop();
    }
  }

  #forward(
    verdict: { readonly to: string; readonly header: RoutingHeader },
    packet: Uint8Array,
    from: string,
  ): void {
    const { counters, now, routes } = this.#state;
    if (!this.#relayLimit.admit(from, now)) {
      counters.rateLimited += 1;
      return;
    }
    const sender = routes.fullId(verdict.header.source);
    // Only a packet that came the way answers will go tells anything about the session.
    if (sender !== undefined && routes.nextHop(sender, now) === from) {
      const ends = [
        { nodeId: sender, address: from },
        { nodeId: verdict.header.destination, address: verdict.to },
      ] as const;
      const sessionId = sessionIdOf(packet);
      if (((packet[3] as number) & packetFlags.handshake) !== 0) {
        this.#relayedHandshakes.note(...ends, now);
      } else if (sessionId !== 0n) {
        this.#relayed.learn(sessionId, ...ends, now);
        this.#relayedHandshakes.settled(sender, verdict.header.destination);
      }
    }
    counters.packetsRelayed += 1;
    this.#state.transmit(encodeRouted(verdict.header, packet), verdict.to);
  }

  /** A packet of somebody else's session without a routing header, as 0.19.0 sends them to a relay. */
  #passOn(sessionId: bigint, packet: Uint8Array, from: string): boolean {
    let isPassed = false;
    for (const end of this.#endsAcross(sessionId, from)) {
      if (this.#relayLimit.admit(from, this.#state.now)) {
        this.#passTo(end, packet, from);
        isPassed = true;
      }
    }
    return isPassed;
  }

  /** Who is meant by a packet of a session from `from`: one end, or several while that is not clear. */
  #endsAcross(sessionId: bigint, from: string): readonly SessionEnd[] {
    const { now } = this.#state;
    const known = this.#relayed.otherEnd(sessionId, from, now);
    if (known !== undefined) {
      return [known];
    }
    const partners = this.#relayedHandshakes.partners(from, now);
    if (partners.length === 0) {
      return partners;
    }
    const ends = this.#relayedHandshakes.sighted(sessionId, from, now);
    if (ends === undefined) {
      return partners;
    }
    this.#relayed.learn(sessionId, ...ends, now);
    this.#relayedHandshakes.settled(ends[0].nodeId, ends[1].nodeId);
    return ends.filter(({ address }) => address !== from);
  }

  #passTo(end: SessionEnd, packet: Uint8Array, from: string): void {
    const { now, peers, counters, routes, nodeId } = this.#state;
    counters.packetsRelayed += 1;
    const neighbour = peers.at(end.address);
    if (end.nodeId === undefined || neighbour?.nodeId === end.nodeId) {
      this.#state.transmit(packet, end.address);
      return;
    }
    const header = {
      ttl: ROUTED_DATA_TTL,
      hopCount: 1,
      flags: 0,
      source: low32(peers.at(from)?.nodeId ?? nodeId),
      destination: end.nodeId,
    };
    this.#state.transmit(
      encodeRouted(header, packet),
      routes.nextHop(end.nodeId, now) ?? end.address,
    );
  }
}

/** The Noise message of a handshake packet: exactly as long as the header says (section 2.2). */
function handshakeMessage(packet: Uint8Array): Uint8Array | undefined {
  const header = decodeHeader(packet);
  return header !== undefined && packet.length === HEADER_BYTES + header.payloadLength
    ? packet.subarray(HEADER_BYTES)
    : undefined;
}
