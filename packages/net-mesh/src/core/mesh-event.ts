import type { EventBatch } from "@gaiaftcl/net-wire";
import type { PeerHealth } from "../liveness/failure-detector.js";

/** Why a peer is no longer one; `unproven`: it spoke, and did not prove whose node id it has. */
export type DisconnectReason = "silent" | "closed" | "unproven";

/** What a node tells of itself, as it happens. */
export type MeshEvent =
  | {
      readonly type: "connected";
      readonly peer: bigint;
      /** Whether the session has the guarantees our own nodes give each other. */
      readonly strict: boolean;
      /** Where its datagrams go: the peer, or the relay before it. */
      readonly address: string;
      readonly relayed: boolean;
      readonly initiated: boolean;
      /** A session with this peer existed already, and ended with this. */
      readonly replaced: boolean;
    }
  | { readonly type: "disconnected"; readonly peer: bigint; readonly reason: DisconnectReason }
  | {
      readonly type: "health";
      readonly peer: bigint;
      readonly from: PeerHealth;
      readonly to: PeerHealth;
    }
  /** A node that a session is meant to be had with was called in vain, and will be called again. */
  | {
      readonly type: "call-failed";
      readonly peer: bigint;
      readonly reason: string;
      /** Calls in vain since there was a session. */
      readonly failures: number;
      readonly nextInMs: number;
    }
  /** Events of one packet. Give them to `MeshCore.consume` when they are used up. */
  | {
      readonly type: "events";
      readonly peer: bigint;
      readonly batch: EventBatch;
      /** Whether the sender sends no more than a window of it before it is consumed. */
      readonly isHeldBack: boolean;
    }
  /** A stream that refused events has room again. */
  | { readonly type: "writable"; readonly peer: bigint; readonly streamId: bigint }
  /** The peer closed its direction of a stream. */
  | { readonly type: "finished"; readonly peer: bigint; readonly streamId: bigint }
  /** An announcement of a node came in and is indexed. */
  | { readonly type: "announced"; readonly nodeId: bigint };
