import { isSameBytes } from "@gaiaftcl/net-identity";
import type { Peer } from "./peer.js";

/** What the rule looks at. */
type Incumbent = Pick<
  Peer,
  "origin" | "heardAt" | "challengedAt" | "movesUntil" | "establishedAt"
> & {
  readonly session: { readonly strict: boolean };
  readonly proof: { readonly entityId: Uint8Array | undefined };
};

/** A strict peer that has not proved in this time whose node id it has keeps it from nobody. */
const PROOF_MS = 5000;

/**
 * What a first handshake message under the node id of a present peer leads to. A provisional session
 * takes the place of the present one only with its first packet.
 */
export type Displacement = "accept" | "provisional" | "refuse" | "replay" | "challenge";

/**
 * Whether a newcomer may take the place of a peer (Net transport format, section 5.6, step 3).
 *
 * Whoever holds the pre-shared key can begin a handshake under any node id. A strict session is
 * therefore given up only when its peer does not answer: the first message of a newcomer makes this
 * node ask the old session, and a later one is accepted if nothing came back; or when it never proved
 * whose node id it has. A 0.19.0 session
 * follows the reference's rule, but for one case: a started 0.19.0 node that this node has joined knows
 * no address to send it subscriptions and announcements to until it connects itself, and the reference
 * would refuse that while it lives. From where it is it may, provisionally. A strict peer that wants a new session itself, over another path for
 * example, says so in the old one before.
 *
 * @param ephemeral the first 32 bytes of the new first message
 * @param challengeMs how long a strict peer has to answer
 * @param isAtItsAddress whether the message came straight from where the peer is
 */
export function judgeDisplacement(
  peer: Incumbent | undefined,
  ephemeral: Uint8Array,
  now: number,
  sessionTimeoutMs: number,
  challengeMs: number,
  isAtItsAddress: boolean,
): Displacement {
  if (peer === undefined) {
    return "accept";
  }
  if (!peer.origin.initiated && isSameBytes(peer.origin.initiatorEphemeral, ephemeral)) {
    return "replay";
  }
  if (peer.session.strict) {
    return judgeStrict(peer, now, challengeMs);
  }
  const isAlive = now - peer.heardAt <= sessionTimeoutMs;
  if (!(peer.origin.initiated && isAlive)) {
    return "accept";
  }
  return isAtItsAddress ? "provisional" : "refuse";
}

function judgeStrict(peer: Incumbent, now: number, challengeMs: number): Displacement {
  const { challengedAt, heardAt, movesUntil, proof, establishedAt } = peer;
  const isUnproven = now - establishedAt > PROOF_MS && proof.entityId === undefined;
  if (now <= movesUntil || isUnproven) {
    return "accept";
  }
  if (challengedAt === undefined || heardAt > challengedAt) {
    return "challenge";
  }
  return now - challengedAt >= challengeMs ? "accept" : "refuse";
}
