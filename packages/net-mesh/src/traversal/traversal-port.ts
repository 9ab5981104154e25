import type { NatClass } from "./nat-class.js";

/** Where a handshake is sent: straight to an address, or through a peer, or to the next hop of the routing table. */
export type HandshakePath =
  | { readonly kind: "address"; readonly address: string }
  | { readonly kind: "relay"; readonly relay: bigint }
  | { readonly kind: "route" };

export type HandshakeOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: string };

/** What traversal needs of the node around it. Nothing here waits: answers come through callbacks and `receive…`. */
export interface TraversalPort {
  readonly nodeId: bigint;
  /** The own bound address. */
  boundAddress(): string;
  /** Peers that see this node at its own address: those without a relay between, in any order. */
  peers(): readonly bigint[];
  /** The address datagrams to `peer` go to, if it has a session. */
  addressOf(peer: bigint): string | undefined;
  /** Whether the session with `peer` runs over exactly this address, without a relay. */
  isConnectedAt(peer: bigint, address: string): boolean;
  /** The address `peer` announced for itself. */
  announcedReflex(peer: bigint): string | undefined;
  /** The class `peer` announced for itself. */
  announcedClass(peer: bigint): NatClass;
  /** Sends one event of a subprotocol in the session with `peer`; false without a session. */
  sendControl(peer: bigint, subprotocolId: number, event: Uint8Array): boolean;
  /** Sends a bare datagram. */
  sendDatagram(datagram: Uint8Array, to: string): void;
  /** Starts one handshake attempt (5 s) and calls `done` once. */
  handshake(
    peer: bigint,
    publicKey: Uint8Array,
    path: HandshakePath,
    done: (outcome: HandshakeOutcome) => void,
  ): void;
  /** The pair (class, reflex) changed: the next announcement carries it. `isUrgent`: without the rate floor. */
  reflexChanged(isUrgent: boolean): void;
}
