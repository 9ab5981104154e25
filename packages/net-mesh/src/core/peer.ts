import type { PacketSession, StreamSet } from "@gaiaftcl/net-wire";
import type { TabledPeer } from "../peers/peer-table.js";
import type { CandidatePath } from "./candidate-path.js";
import type { ShownProof } from "./identity-proof.js";

/** How a session came about, as the rule for its replacement looks at it. */
export interface PeerOrigin {
  /** Whether this node sent the first handshake message. */
  readonly initiated: boolean;
  /** 32 bytes with which the initiator began; they tell a repeated first message from a new one. */
  readonly initiatorEphemeral: Uint8Array;
}

/** A node with which a session exists. */
export interface Peer extends TabledPeer {
  /** Changes when a strict peer shows up at another address. */
  address: string;
  /** Where it was before, latest last. */
  formerAddresses: readonly string[];
  /** Addresses it was heard at that are looked into. */
  candidates: readonly CandidatePath[];
  /** Until when none is looked into, since it was found where it was. */
  staysUntil: number;
  /** When it last changed its address. */
  movedAt: number;
  /** Of the packets decrypted so far, the highest counter. */
  highestCounter: number;
  readonly origin: PeerOrigin;
  readonly session: PacketSession;
  readonly streams: StreamSet;
  readonly establishedAt: number;
  /** Of who it is, in a strict session. */
  readonly proof: ShownProof;
  /** For how many milliseconds it has spoken without one that holds. */
  unprovenMs: number;
  /** Whether anything of it was decrypted. */
  hasSpoken: boolean;
  /** When something of it was last decrypted. */
  heardAt: number;
  /** When a newcomer under its node id made this node ask whether it is alive; undefined when nobody did. */
  challengedAt: number | undefined;
  /** Until when a new session under its node id is its own wish, as it said in this one. */
  movesUntil: number;
}
