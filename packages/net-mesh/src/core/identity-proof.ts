import { type Identity, nodeIdOf, verifySignature } from "@gaiaftcl/net-identity";
import type { PacketSession } from "@gaiaftcl/net-wire";

/** Between strict peers: who the sender is. An id of the vendors' range. */
export const IDENTITY_SUBPROTOCOL = 0x4749;

const LABEL = new TextEncoder().encode("net-mesh-identity-v1");
const ENTITY_BYTES = 32;
const PROOF_BYTES = 96;
const ROLES = { initiator: 0, responder: 1 } as const;

type Role = keyof typeof ROLES;

/**
 * What shows a strict peer who this node is: its entity id, and its signature over the handshake's hash
 * and its role in it. The hash takes in both ephemeral keys, so that the proof is good for this session
 * only; and the session lets nobody else say it.
 */
export function identityProof(identity: Identity, session: PacketSession): Uint8Array {
  const { role } = session.keys;
  const proof = new Uint8Array(PROOF_BYTES);
  proof.set(identity.entityId);
  proof.set(identity.sign(signedBytes(session, role)), ENTITY_BYTES);
  return proof;
}

/**
 * What a peer has shown for a proof. It is looked into when somebody asks who the peer is, which few are
 * asked about: verifying costs as much as the rest of the handshake.
 */
export class ShownProof {
  readonly #nodeId: bigint;
  readonly #session: PacketSession;
  #hasShown = false;
  #proof: Uint8Array | undefined;
  #entityId: Uint8Array | undefined;

  constructor(nodeId: bigint, session: PacketSession) {
    this.#nodeId = nodeId;
    this.#session = session;
  }

  /** Takes what the peer shows; the first counts. */
  show(proof: Uint8Array): void {
    if (!this.#hasShown) {
      this.#hasShown = true;
      this.#proof = proof.length === PROOF_BYTES ? Uint8Array.from(proof) : undefined;
    }
  }

  /** Whether something was shown that nobody has asked about yet. */
  get isUnread(): boolean {
    return this.#proof !== undefined;
  }

  /** The entity that the peer has proved to be, 32 bytes. */
  get entityId(): Uint8Array | undefined {
    if (this.#proof !== undefined) {
      this.#entityId = provenEntity(this.#nodeId, this.#session, this.#proof);
      this.#proof = undefined;
    }
    return this.#entityId;
  }
}

/** The entity that a proof shows the peer of a session to be, or undefined when it shows nothing. */
function provenEntity(
  nodeId: bigint,
  session: PacketSession,
  proof: Uint8Array,
): Uint8Array | undefined {
  const entityId = Uint8Array.from(proof.subarray(0, ENTITY_BYTES));
  const role = session.keys.role === "initiator" ? "responder" : "initiator";
  const isProof =
    nodeIdOf(entityId) === nodeId &&
    verifySignature(entityId, signedBytes(session, role), proof.subarray(ENTITY_BYTES));
  return isProof ? entityId : undefined;
}

function signedBytes(session: PacketSession, role: Role): Uint8Array {
  const { handshakeHash } = session.keys;
  const bytes = new Uint8Array(LABEL.length + 1 + handshakeHash.length);
  bytes.set(LABEL);
  bytes[LABEL.length] = ROLES[role];
  bytes.set(handshakeHash, LABEL.length + 1);
  return bytes;
}
