import { readFileSync } from "node:fs";
import type { MembershipReason } from "./membership-message.js";

interface Verdict {
  readonly accepted: boolean;
  readonly reason_byte: number;
  readonly reason: MembershipReason;
}

interface Report {
  readonly attempted: number;
  readonly delivered: number;
  readonly errors: readonly { readonly node_id: string; readonly message: string }[];
}

/** What net-mesh 0.19.0 was seen to do. */
interface Vectors {
  readonly subscribe_verdicts_require_token: readonly {
    readonly label: string;
    readonly announced_first: boolean;
    readonly verdict: Verdict;
  }[];
  readonly membership: {
    readonly subprotocol_id: number;
    readonly messages: readonly {
      readonly kind: "subscribe" | "unsubscribe" | "ack";
      readonly channel?: string;
      readonly nonce: string;
      readonly token?: string | null;
      readonly queue_group?: string | null;
      readonly accepted?: boolean;
      readonly reason_byte?: number;
      readonly bytes: string;
    }[];
    readonly reactions: readonly {
      readonly label: string;
      readonly frames: readonly string[];
      readonly acks: readonly string[];
    }[];
    readonly ack_to_python: readonly {
      readonly accepted?: number;
      readonly reason_byte?: number;
      readonly no_ack?: boolean;
      readonly python: string | null;
    }[];
    readonly client_errors: readonly { readonly call: string; readonly result: string }[];
  };
  readonly publish: {
    readonly publisher_seed: string;
    readonly subscriber_seed: string;
    readonly packets: readonly {
      readonly kwargs: {
        readonly reliability?: string;
        readonly on_failure?: string;
        readonly max_inflight?: number;
      };
      readonly report: Report;
      readonly packet: {
        readonly flags: number;
        readonly channel_hash: number;
        readonly stream: string;
      };
    }[];
    readonly errors: readonly {
      readonly kwargs: { readonly reliability?: string; readonly on_failure?: string };
      readonly channel: string;
      readonly result: string | Report;
    }[];
    readonly backpressure: {
      readonly reports: readonly (string | Report)[];
      readonly then: readonly { readonly on_failure: string; readonly result: string | Report }[];
    };
    readonly register_errors: readonly {
      readonly args: readonly [readonly [string], { visibility?: string; priority?: number }];
      readonly result: string;
    }[];
  };
  readonly channel_cap_per_peer: {
    readonly accepted: number;
    readonly the_1025th: Verdict;
    readonly resubscribe_at_the_cap: Verdict;
  };
  readonly queue_groups: {
    readonly publishes: number;
    readonly attempted_each: readonly number[];
    readonly received: readonly number[];
  };
}

export const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../vectors/net-channel.json", import.meta.url), "utf8"),
);

/** The bytes of hex digits. */
export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

/** The hex digits of bytes. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
