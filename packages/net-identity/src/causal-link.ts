import { xxh3 } from "@gaiaftcl/xxh3";
import { NetIdentityError } from "./net-identity-error.js";
import { ensureU64 } from "./permission-token.js";

/** The size of a causal link. */
export const CAUSAL_LINK_BYTES = 32;
const U64_MAX = 0xffff_ffff_ffff_ffffn;

/** The place of an event in the chain of its origin (Net identity format, section 13.1). */
export interface CausalLink {
  /** Whose chain it is, u64. */
  readonly originHash: bigint;
  /** A sketch of the origins that were seen before the event, u64. */
  readonly horizon: bigint;
  /** 0 at the genesis and one more at each event, u64. */
  readonly sequence: bigint;
  /** The hash of the link and payload before it, u64. */
  readonly parentHash: bigint;
}

/** An event and its place. */
export interface CausalEvent {
  readonly link: CausalLink;
  readonly payload: Uint8Array;
}

/** What keeps a link from following another. */
export type CausalFault = "origin_mismatch" | "sequence_gap" | "parent_hash_mismatch";

/** A broken chain, with Net's text for it. */
export interface CausalProblem {
  readonly fault: CausalFault;
  readonly message: string;
}

/**
 * The 32 bytes of a link (Net identity format, section 13.1).
 *
 * @throws NetIdentityError `RANGE`
 */
export function encodeCausalLink(link: CausalLink): Uint8Array {
  const bytes = new Uint8Array(CAUSAL_LINK_BYTES);
  writeCausalLink(bytes, 0, link);
  return bytes;
}

/** Writes a link at a place with 32 bytes to come. @throws NetIdentityError `RANGE` */
export function writeCausalLink(bytes: Uint8Array, at: number, link: CausalLink): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, CAUSAL_LINK_BYTES);
  view.setBigUint64(0, ensureU64("originHash", link.originHash), true);
  view.setBigUint64(8, ensureU64("horizon", link.horizon), true);
  view.setBigUint64(16, ensureU64("sequence", link.sequence), true);
  view.setBigUint64(24, ensureU64("parentHash", link.parentHash), true);
}

/** Reads a link. Every 32 bytes are one; undefined for another length. */
export function decodeCausalLink(bytes: Uint8Array): CausalLink | undefined {
  if (!(bytes instanceof Uint8Array) || bytes.length !== CAUSAL_LINK_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, CAUSAL_LINK_BYTES);
  return {
    originHash: view.getBigUint64(0, true),
    horizon: view.getBigUint64(8, true),
    sequence: view.getBigUint64(16, true),
    parentHash: view.getBigUint64(24, true),
  };
}

/**
 * The link a chain grows from. It belongs to no event: the first event has sequence 1. `parentHash` is
 * 0 but for the chain of a fork, which has the mark of the fork there.
 */
export function genesisLink(originHash: bigint, parentHash = 0n): CausalLink {
  return {
    originHash: ensureU64("originHash", originHash),
    horizon: 0n,
    sequence: 0n,
    parentHash: ensureU64("parentHash", parentHash),
  };
}

/**
 * The link of the event that follows another. The payload of a genesis is empty.
 *
 * @param previous the event before
 * @param horizon the sketch of the origins seen by now
 * @throws NetIdentityError `ARGUMENT` or `RANGE`, the latter also after sequence 2^64 - 1, the last
 */
export function nextLink(previous: CausalEvent, horizon: bigint): CausalLink {
  const { originHash, sequence } = previous.link;
  if (sequence === U64_MAX) {
    throw new NetIdentityError("RANGE", `expected a sequence below ${U64_MAX}, the last there is`);
  }
  return {
    originHash,
    horizon: ensureU64("horizon", horizon),
    sequence: sequence + 1n,
    parentHash: parentHashAfter(previous),
  };
}

/**
 * What is wrong with a link as the next after an event, or undefined if it follows. The horizon is not
 * judged: only the origin knows what it had seen.
 *
 * @throws NetIdentityError `ARGUMENT` or `RANGE` when the event before is none
 */
export function causalLinkProblem(
  link: CausalLink,
  previous: CausalEvent,
): CausalProblem | undefined {
  const { originHash, sequence } = previous.link;
  if (link.originHash !== originHash) {
    return {
      fault: "origin_mismatch",
      message: `origin mismatch: expected ${hex(originHash)}, got ${hex(link.originHash)}`,
    };
  }
  if (link.sequence !== sequence + 1n) {
    return {
      fault: "sequence_gap",
      message: `sequence gap: expected ${sequence + 1n}, got ${link.sequence}`,
    };
  }
  const parentHash = parentHashAfter(previous);
  if (link.parentHash === parentHash) return undefined;
  return {
    fault: "parent_hash_mismatch",
    message: `parent hash mismatch: expected ${hex(parentHash)}, got ${hex(link.parentHash)}`,
  };
}

/** Returns a payload that is bytes. @throws NetIdentityError `ARGUMENT` */
export function ensurePayload(payload: Uint8Array): Uint8Array {
  if (payload instanceof Uint8Array) return payload;
  throw new NetIdentityError("ARGUMENT", "expected a payload to be a Uint8Array");
}

/** XXH3-64 of an event's link and payload. */
function parentHashAfter({ link, payload }: CausalEvent): bigint {
  const bytes = new Uint8Array(CAUSAL_LINK_BYTES + ensurePayload(payload).length);
  writeCausalLink(bytes, 0, link);
  bytes.set(payload, CAUSAL_LINK_BYTES);
  return xxh3(bytes);
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
