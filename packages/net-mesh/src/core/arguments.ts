import type { Identity } from "@gaiaftcl/net-identity";
import { ensureAddress, NetWireError } from "@gaiaftcl/net-wire";
import { NetMeshError } from "../net-mesh-error.js";

const U64_MAX = 2n ** 64n - 1n;
const U16_MAX = 0xffff;

/** What is wrong with a number of 64 bits, or undefined. A wrong one would only show where it is used. */
export function u64Problem(what: string, value: bigint): string | undefined {
  if (typeof value === "bigint" && value >= 0n && value <= U64_MAX) {
    return undefined;
  }
  return `expected ${what} as a bigint from 0 to 2^64 - 1, found ${typeof value} ${String(value)}`;
}

/** Gives a number of 64 bits back. @throws NetMeshError `INVALID_OPTION` */
export function ensureU64(what: string, value: bigint): bigint {
  const problem = u64Problem(what, value);
  if (problem !== undefined) {
    throw new NetMeshError("INVALID_OPTION", problem);
  }
  return value;
}

/** Gives an identity back that can sign, as a node has to. @throws NetMeshError `INVALID_OPTION` */
export function ensureSigner(identity: Identity): Identity {
  if (identity.canSign) {
    return identity;
  }
  throw new NetMeshError(
    "INVALID_OPTION",
    "expected an identity with its seed, found a read-only one: a node signs what it says",
  );
}

/** Gives the id of a subprotocol back. @throws NetMeshError `INVALID_OPTION` */
export function ensureSubprotocol(value: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= U16_MAX) {
    return value;
  }
  throw new NetMeshError(
    "INVALID_OPTION",
    `expected a subprotocol id from 0 to ${U16_MAX}, found ${String(value)}`,
  );
}

/** The canonical form of an address. @throws NetMeshError `INVALID_OPTION` */
export function ensureReachable(address: string): string {
  try {
    return ensureAddress(address);
  } catch (error) {
    if (error instanceof NetWireError) {
      throw new NetMeshError("INVALID_OPTION", `invalid address: ${error.message}`);
    }
    throw error;
  }
}

/** Gives events back that are bytes. @throws NetMeshError `INVALID_OPTION` */
export function ensureEvents(events: readonly Uint8Array[]): readonly Uint8Array[] {
  if (!Array.isArray(events)) {
    throw new NetMeshError(
      "INVALID_OPTION",
      `expected events as a list of Uint8Array, found ${typeof events}; encode text with TextEncoder`,
    );
  }
  const wrong = events.findIndex((event) => !(event instanceof Uint8Array));
  if (wrong === -1) {
    return events;
  }
  throw new NetMeshError(
    "INVALID_OPTION",
    `expected event ${wrong} as a Uint8Array, found ${typeof events[wrong]}; encode text with TextEncoder`,
  );
}
