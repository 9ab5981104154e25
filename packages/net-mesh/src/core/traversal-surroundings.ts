import type { NatClass } from "../traversal/nat-class.js";
import type { TraversalPort } from "../traversal/traversal-port.js";
import type { Discovery } from "./discovery.js";
import type { AttemptPath, HandshakeOutcome } from "./handshake-attempts.js";
import type { MeshState } from "./mesh-state.js";
import type { Outbound } from "./outbound.js";
import type { Peer } from "./peer.js";

export interface TraversalSurroundings {
  readonly state: MeshState;
  readonly outbound: Outbound;
  readonly discovery: () => Discovery;
  readonly boundAddress: () => string;
  readonly sendControl: (peer: Peer, subprotocolId: number, event: Uint8Array) => void;
  readonly handshake: (
    nodeId: bigint,
    publicKey: Uint8Array,
    path: AttemptPath,
    done: (outcome: HandshakeOutcome) => void,
  ) => void;
}

const NAT_PREFIX = "nat:";
const NAT_CLASSES: ReadonlySet<string> = new Set(["open", "cone", "symmetric"]);

/** The node, as NAT traversal sees it. */
export function traversalPort(around: TraversalSurroundings): TraversalPort {
  const { state, outbound } = around;
  const { detector } = state;
  return {
    nodeId: state.nodeId,
    boundAddress: around.boundAddress,
    // Behind a relay this node is seen at the relay's address, which says nothing of its own.
    peers: () =>
      [...state.peers.values()]
        .filter(({ nodeId, isRelayed }) => !isRelayed && detector.health(nodeId) !== "failed")
        .map(({ nodeId }) => nodeId),
    addressOf: (peer) => state.peers.get(peer)?.address,
    isConnectedAt: (peer, address) => {
      const known = state.peers.get(peer);
      return known !== undefined && !known.isRelayed && known.address === address;
    },
    announcedReflex: (peer) => around.discovery().index.get(peer)?.reflexAddress,
    announcedClass: (peer) => announcedNatClass(around.discovery().index.capabilitiesOf(peer).tags),
    sendControl: (nodeId, subprotocolId, event) => {
      const peer = state.peers.get(nodeId);
      if (peer !== undefined) {
        around.sendControl(peer, subprotocolId, event);
      }
      return peer !== undefined;
    },
    sendDatagram: (datagram, to) => {
      state.transmit(datagram, to);
    },
    handshake: (peer, publicKey, path, done) => {
      const address =
        path.kind === "address"
          ? path.address
          : path.kind === "relay"
            ? state.peers.get(path.relay)?.address
            : outbound.nextHop(peer);
      if (address === undefined) {
        done({ ok: false, reason: "connection error: no route to peer" });
        return;
      }
      around.handshake(
        peer,
        publicKey,
        { kind: path.kind === "address" ? "address" : "relay", address },
        done,
      );
    },
    reflexChanged: (isUrgent) => {
      around.discovery().viewChanged(isUrgent);
    },
  };
}

/** The class in a node's `nat:` tag; unknown when there is none. */
export function announcedNatClass(tags: readonly string[]): NatClass {
  const tag = tags.find((candidate) => candidate.startsWith(NAT_PREFIX));
  const named = tag?.slice(NAT_PREFIX.length) ?? "";
  return NAT_CLASSES.has(named) ? (named as NatClass) : "unknown";
}
