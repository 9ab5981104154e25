import { readFileSync } from "node:fs";
import { join } from "node:path";

type Json = Readonly<Record<string, unknown>>;

interface SubnetCase {
  readonly publisher_subnet: readonly number[] | null;
  readonly peer_tags: readonly string[] | null;
  readonly derived_levels: readonly number[];
  readonly derived_u32: number;
  readonly subscribe_allowed: Readonly<Record<string, boolean>>;
}

interface CapabilityVectors {
  readonly normalize_gpu_vendor: Readonly<Record<string, string>>;
  readonly capability_encodings: {
    readonly identity_seed: string;
    readonly cases: readonly {
      readonly dict: Json;
      readonly wire: string;
      readonly tags: readonly string[];
      readonly metadata: Readonly<Record<string, string>>;
      readonly version: number;
    }[];
    readonly with_reflex_override: string;
    readonly type_errors: readonly { readonly dict: Json; readonly result: string }[];
  };
  readonly announcement_fixed: Readonly<
    Record<"seed" | "signed_payload" | "announcement" | "forwarded_hop_1" | "signature", string>
  >;
  readonly find_nodes: {
    readonly corpus: Readonly<Record<string, readonly string[]>>;
    readonly cases: readonly { readonly filter: Json; readonly matches: readonly string[] }[];
  };
  readonly find_nodes_scoped: {
    readonly cases: readonly { readonly scope: Json; readonly matches: readonly string[] }[];
  };
  readonly find_nodes_errors: readonly { readonly filter: Json; readonly result: string }[];
  readonly find_nodes_scoped_with_policy: {
    readonly local_subnet: readonly number[];
    readonly policy: Json;
    readonly same_subnet: readonly string[];
    readonly any: readonly string[];
  };
  readonly announcement_acceptance: readonly {
    readonly label: string;
    readonly indexed: boolean;
    readonly forwarded_to_other_peer_with_hop_count: readonly number[];
  }[];
  readonly announcement_odd_characters: {
    readonly identity_seed: string;
    readonly tags: readonly string[];
    readonly wire: string;
    readonly wire_hex: string;
  };
  readonly announcement_json_reader: readonly {
    readonly change: string;
    readonly indexed: boolean;
  }[];
  readonly subnets: {
    readonly policy: Json;
    readonly cases: readonly SubnetCase[];
    readonly constructor_errors: readonly {
      readonly kwargs: Json;
      readonly result: { readonly error?: string; readonly message?: string };
    }[];
  };
}

const path = join(import.meta.dirname, "..", "vectors", "capabilities.json");

/** Observed on the reference, version 0.19.0. */
export const vectors: CapabilityVectors = JSON.parse(readFileSync(path, "utf8"));

export function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
