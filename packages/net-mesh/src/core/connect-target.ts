import { parseAddress } from "@gaiaftcl/net-wire";
import { NetMeshError } from "../net-mesh-error.js";
import { nodeIdText } from "../peers/node-id.js";
import { u64Problem } from "./arguments.js";
import type { HandshakeOutcome } from "./handshake-attempts.js";
import type { NodeParts } from "./node-parts.js";

const KEY_BYTES = 32;

/** Whom to have a session with, and by what way. */
export interface ConnectTarget {
  readonly nodeId: bigint;
  /** The Noise key of the other node, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Straight to an address, through a peer, or by the best way that a peer of both helps to find. */
  readonly path:
    | { readonly kind: "address"; readonly address: string }
    | { readonly kind: "relay"; readonly relay: bigint }
    | { readonly kind: "best"; readonly coordinator: bigint };
  readonly retries?: number;
  /** Whether a session there is shall go on if the other node has it too. */
  readonly sparing?: boolean;
}

/** Begins a session; `done` is called once, unless the returned function cancels before. */
export function beginSession(
  parts: NodeParts,
  target: ConnectTarget,
  done: (outcome: HandshakeOutcome) => void,
): () => void {
  const problem = targetProblem(target);
  if (problem !== undefined) {
    done({ ok: false, reason: problem });
    return () => undefined;
  }
  const { peers, around, now } = parts.state;
  const { nodeId, publicKey, path, sparing = false } = target;
  const { retries = around.tuning.handshakeRetries } = target;
  if (path.kind === "address") {
    return parts.sessions.connect({ nodeId, publicKey, path, retries, sparing, done });
  }
  if (path.kind === "relay") {
    const address = peers.get(path.relay)?.address;
    if (address === undefined) {
      done({ ok: false, reason: `no session with relay ${nodeIdText(path.relay)}` });
      return () => undefined;
    }
    return parts.sessions.connect({
      nodeId,
      publicKey,
      path: { kind: "relay", address },
      retries,
      sparing,
      done,
    });
  }
  let isWanted = true;
  parts.traversal.connectDirect(nodeId, publicKey, path.coordinator, now, (outcome) => {
    if (isWanted) {
      done(outcome.ok ? outcome : { ok: false, reason: outcome.failure.message });
    }
  });
  return () => {
    isWanted = false;
  };
}

/**
 * Refuses a target that could only be called in vain, for ever.
 *
 * @throws NetMeshError `INVALID_OPTION`
 */
export function ensureTarget(target: ConnectTarget, ownNodeId: bigint): void {
  const problem =
    target.nodeId === ownNodeId ? "a node has no session with itself" : targetProblem(target);
  if (problem !== undefined) {
    throw new NetMeshError("INVALID_OPTION", problem);
  }
  if (target.publicKey.length !== KEY_BYTES) {
    throw new NetMeshError(
      "INVALID_OPTION",
      `expected the responder's public key as ${KEY_BYTES} bytes, found ${target.publicKey.length}`,
    );
  }
}

/** What keeps a target from being one, whoever would answer there. */
function targetProblem({ nodeId, publicKey, path }: ConnectTarget): string | undefined {
  if (!(publicKey instanceof Uint8Array)) {
    return `expected the responder's public key as 32 bytes, found ${typeof publicKey}`;
  }
  if (path.kind === "address" && parseAddress(path.address) === undefined) {
    return `invalid address: invalid socket address syntax: expected ip:port or [ip]:port, found ${JSON.stringify(path.address)}`;
  }
  return u64Problem("a node id", nodeId);
}
