import { readFileSync } from "node:fs";
import { decodeHex } from "@gaiaftcl/witness/ed25519";
import { Identity } from "./identity.js";

interface ParsedToken {
  readonly issuer: string;
  readonly subject: string;
  readonly scope: readonly string[];
  readonly channel_hash: string;
  readonly not_before: string;
  readonly not_after: string;
  readonly delegation_depth: number;
  readonly nonce: string;
  readonly signature: string;
}

interface Failure {
  readonly error: string;
  readonly message: string;
}

/** What net-mesh 0.19.0 was seen to do. */
interface Vectors {
  readonly identities: readonly {
    readonly seed: string;
    readonly entity_id: string;
    readonly node_id: string;
    readonly origin_hash: string;
    readonly wire_origin_hash_u32: number;
    readonly routing_id_u32: number;
    readonly repr: string;
    readonly to_bytes: string;
    readonly sign_message_hex: string;
    readonly signature: string;
  }[];
  readonly net_keypair: {
    readonly example: { readonly secret_key: string; readonly public_key: string };
  };
  readonly channel_hash: readonly {
    readonly name: string;
    readonly channel_hash: string;
    readonly wire_u16: number;
    readonly publish_stream_id: string;
  }[];
  readonly channel_name_invalid: readonly { readonly name: string; readonly message: string }[];
  readonly tokens_issued: readonly {
    readonly label: string;
    readonly token: string;
    readonly parsed: ParsedToken;
    readonly scope_bits: number;
    readonly issuer_generation: number;
    readonly verify_token: boolean;
    readonly token_is_expired_when_recorded: boolean;
  }[];
  readonly tokens_fixed: readonly {
    readonly label: string;
    readonly fields: {
      readonly issuer_seed?: string;
      readonly subject_seed?: string;
      readonly scope?: number;
      readonly channel_hash?: string;
      readonly not_before?: number;
      readonly not_after?: number;
      readonly depth?: number;
      readonly nonce?: string;
      readonly generation?: number;
    };
    readonly token: string;
    readonly parse_token: ParsedToken | Failure;
    readonly verify_token: { readonly ok: boolean } | Failure;
    readonly token_is_expired: { readonly ok: boolean } | Failure;
    readonly install_token: { readonly ok: null } | Failure;
  }[];
  readonly token_operations: readonly { readonly op: string; readonly result: Failure }[];
  readonly delegate_from_wildcard_parent: {
    readonly parent_scope_bits: number;
    readonly parent_generation: number;
    readonly parent_depth: number;
    readonly child_scope_bits: number;
    readonly child_generation: number;
    readonly child_depth: number;
  };
}

export const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../vectors/net-identity.json", import.meta.url), "utf8"),
);

/** The bytes of hex digits. */
export const bytesOf: (hex: string) => Uint8Array = decodeHex;

/** The identity whose seed is one byte, 32 times. */
export function identityOf(byte: number): Identity {
  return Identity.fromSeed(new Uint8Array(32).fill(byte));
}

/** The second when the vectors were recorded, in milliseconds. */
export const RECORDED: number = 1_795_213_322_000;
