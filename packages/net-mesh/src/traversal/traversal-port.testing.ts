import { decodeKeepAlive, decodeRendezvous, type Rendezvous } from "@gaiaftcl/net-wire";
import type { NatClass } from "./nat-class.js";
import { RENDEZVOUS_SUBPROTOCOL } from "./punch-coordinator.js";
import type { HandshakeOutcome, HandshakePath, TraversalPort } from "./traversal-port.js";

interface Begun {
  readonly peer: bigint;
  readonly path: HandshakePath;
  readonly done: (outcome: HandshakeOutcome) => void;
}

/** A node around a traversal that does nothing but note what is asked of it. */
export class RecordingPort implements TraversalPort {
  readonly nodeId = 1n;
  /** Peers and the addresses their sessions run over. */
  readonly sessions: Map<bigint, string> = new Map();
  readonly announced: Map<bigint, { readonly natClass: NatClass; readonly reflex?: string }> =
    new Map();
  readonly controls: { to: bigint; subprotocolId: number; event: Uint8Array }[] = [];
  readonly keepAlives: { to: string; sender: bigint | undefined }[] = [];
  readonly handshakes: Begun[] = [];
  readonly urgencies: boolean[] = [];

  boundAddress(): string {
    return "10.0.0.1:9000";
  }

  peers(): readonly bigint[] {
    return [...this.sessions.keys()];
  }

  addressOf(peer: bigint): string | undefined {
    return this.sessions.get(peer);
  }

  isConnectedAt(peer: bigint, address: string): boolean {
    return this.sessions.get(peer) === address;
  }

  announcedReflex(peer: bigint): string | undefined {
    return this.announced.get(peer)?.reflex;
  }

  announcedClass(peer: bigint): NatClass {
    return this.announced.get(peer)?.natClass ?? "unknown";
  }

  sendControl(to: bigint, subprotocolId: number, event: Uint8Array): boolean {
    if (!this.sessions.has(to)) {
      return false;
    }
    this.controls.push({ to, subprotocolId, event });
    return true;
  }

  sendDatagram(datagram: Uint8Array, to: string): void {
    this.keepAlives.push({ to, sender: decodeKeepAlive(datagram)?.sender });
  }

  handshake(
    peer: bigint,
    _publicKey: Uint8Array,
    path: HandshakePath,
    done: (outcome: HandshakeOutcome) => void,
  ): void {
    this.handshakes.push({ peer, path, done });
  }

  reflexChanged(isUrgent: boolean): void {
    this.urgencies.push(isUrgent);
  }

  /** The rendezvous messages sent so far, and to whom. */
  rendezvous(): { to: bigint; message: Rendezvous | undefined }[] {
    return this.controls
      .filter(({ subprotocolId }) => subprotocolId === RENDEZVOUS_SUBPROTOCOL)
      .map(({ to, event }) => ({ to, message: decodeRendezvous(event) }));
  }
}
