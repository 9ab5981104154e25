import { randomBytes } from "node:crypto";
import { CapabilitySet, encodeAnnouncement, signAnnouncement } from "@gaiaftcl/net-capability";
import { channelHash, Identity, PermissionToken, SCOPE } from "@gaiaftcl/net-identity";
import {
  ALL_FEATURES,
  generateDhKeyPair,
  InitiatorHandshake,
  PacketSession,
  respond,
} from "@gaiaftcl/net-wire";
import { beforeEach, describe, expect, it } from "vitest";
import { SimulatedNetwork } from "../simulated/simulated-network.js";
import { identityProof, ShownProof } from "./identity-proof.js";
import { attach, type TestNode } from "./mesh-core.testing.js";

const owner = Identity.generate();
const victim = Identity.generate();
let network: SimulatedNetwork;
let publisher: TestNode;

/** What a node sees of another's identity, and what it can claim. */
function claiming(who: Identity, signer: Identity): Identity {
  const { nodeId, entityId, originHash, canSign } = who;
  const sign = (message: Uint8Array): Uint8Array => signer.sign(message);
  return { nodeId, entityId, originHash, canSign, sign } as unknown as Identity;
}

function tokenFor(who: Identity): PermissionToken {
  return PermissionToken.sign(owner, {
    subject: who.entityId,
    scope: SCOPE.subscribe,
    channelHash: channelHash("gated"),
    generation: 0,
    notBefore: 0n,
    notAfter: 2n ** 63n,
    delegationDepth: 0,
    nonce: 1n,
  });
}

/** What becomes of a subscription to the publisher's channel. */
function subscribes(node: TestNode, token?: PermissionToken): string {
  let said = "";
  node.do((core, now) =>
    core.subscribe(
      {
        publisher: publisher.nodeId,
        channel: "gated",
        ...(token === undefined ? {} : { token }),
      },
      now,
      (error) => {
        said = error?.message ?? "ok";
      },
    ),
  );
  network.runUntil(() => said !== "", 20_000);
  return said;
}

beforeEach(() => {
  network = new SimulatedNetwork({ seed: 11 });
  publisher = attach(network, "10.0.0.1:1");
  publisher.core.registerChannel("gated", { issuers: [owner.entityId] });
  publisher.core.installToken(tokenFor(victim));
});

describe("a strict peer", () => {
  it("is the entity it proves to be, and needs no announcement for its tokens to count", () => {
    const node = attach(network, "10.0.0.2:1", {}, { identity: victim });
    expect(node.connect(publisher)).toBe("ok");
    expect(subscribes(node, tokenFor(victim))).toBe("ok");
    expect(publisher.core.peer(victim.nodeId)?.entityId).toEqual(victim.entityId);
    expect(node.core.peer(publisher.nodeId)?.entityId).toEqual(publisher.identity.entityId);
  });

  it.each([
    ["its own key", Identity.generate()],
    ["no key at all", { sign: () => new Uint8Array(64) } as unknown as Identity],
  ])(
    "that claims another's node id with %s is nobody, whatever of the other's it repeats",
    (_, key) => {
      const impostor = attach(network, "10.0.0.3:1", {}, { identity: claiming(victim, key) });
      impostor.connect(publisher);
      const announcement = encodeAnnouncement(
        signAnnouncement(victim, {
          version: 1n,
          timestampNs: BigInt(network.wallClock) * 1_000_000n,
          capabilities: CapabilitySet.of(["role.worker"]),
        }),
      );
      impostor.do((core, now) => {
        if (core.peer(publisher.nodeId) !== undefined) {
          core.sendSubprotocol(publisher.nodeId, 0x0c00, [announcement], now);
        }
      });
      network.run(1000);
      expect(subscribes(impostor)).not.toBe("ok");
      expect(publisher.core.channelMembers("gated")).toEqual([]);
      expect(publisher.core.peer(victim.nodeId)?.entityId).toBeUndefined();
      // It is let go of, although it keeps speaking, and the owner has its node id again.
      network.run(45_000);
      expect(publisher.events).toContainEqual({
        type: "disconnected",
        peer: victim.nodeId,
        reason: "unproven",
      });
      const rightful = attach(network, "10.0.0.4:1", {}, { identity: victim });
      expect(rightful.connect(publisher)).toBe("ok");
      expect(publisher.core.peer(victim.nodeId)?.entityId).toEqual(victim.entityId);
    },
  );
});

describe("a proof that a peer shows", () => {
  /** Both ends of a session. */
  function ends(): readonly [initiator: PacketSession, responder: PacketSession] {
    const shared = {
      psk: new Uint8Array(32),
      prologue: new Uint8Array(0),
      offer: { features: ALL_FEATURES, receiveWindow: 65_536 },
      randomBytes,
    };
    const keyPair = generateDhKeyPair(randomBytes);
    const handshake = new InitiatorHandshake({ ...shared, responderPublicKey: keyPair.publicKey });
    const message1 = handshake.message1();
    const answer = respond({ ...shared, keyPair, message1, routed: false });
    const keys = answer && handshake.finish(answer.message2);
    if (answer === undefined || keys === undefined) throw new Error("no session");
    return [new PacketSession(keys, 0), new PacketSession(answer.keys, 0)];
  }

  it("says who it is, and goes on saying so whatever it shows afterwards", () => {
    const [mine, theirs] = ends();
    const shown = new ShownProof(victim.nodeId, mine);
    expect(shown.entityId).toBeUndefined();
    shown.show(identityProof(victim, theirs));
    shown.show(new Uint8Array(96));
    expect(shown.entityId).toEqual(victim.entityId);
    shown.show(new Uint8Array(96));
    expect(shown.entityId).toEqual(victim.entityId);
  });

  it("is kept as it was shown", () => {
    const [mine, theirs] = ends();
    const shown = new ShownProof(victim.nodeId, mine);
    const proof = identityProof(victim, theirs);
    shown.show(proof);
    proof.fill(0);
    expect(shown.entityId).toEqual(victim.entityId);
  });

  it("says nothing when it is of another session, the other end, another node or another length", () => {
    const [mine, theirs] = ends();
    const [, elsewhere] = ends();
    const proof = identityProof(victim, theirs);
    for (const wrong of [
      identityProof(victim, elsewhere),
      identityProof(victim, mine),
      identityProof(owner, theirs),
      proof.subarray(0, 95),
      Uint8Array.of(...proof, 0),
      new Uint8Array(0),
    ]) {
      const shown = new ShownProof(victim.nodeId, mine);
      shown.show(wrong);
      // It had one try.
      shown.show(proof);
      expect(shown.entityId).toBeUndefined();
    }
  });
});
