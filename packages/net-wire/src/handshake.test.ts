import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EstablishedKeys } from "./established-keys.js";
import {
  generateDhKeyPair,
  handshakeMessage,
  handshakePacket,
  InitiatorHandshake,
  type InitiatorOptions,
  meshPrologue,
  type ResponderOptions,
  respond,
} from "./handshake.js";
import { HandshakeState, NK_PSK0 } from "./noise/handshake-state.js";
import { blake2sSuite, dhKeyPair, generateAgreementKey } from "./noise/suite.js";
import { ALL_FEATURES, type Offer, sessionFeatures } from "./offer.js";
import { randomBytes } from "./random.testing.js";
import { legacyKeys, sessionIdOfHandshake } from "./session-keys.js";
import { hex, unhex, type Vector, vectors } from "./vectors.testing.js";

const ROUTING = 18;

function fixed(bytes: string | undefined): (length: number) => Uint8Array {
  return () => unhex(bytes as string);
}

/** The Noise message of a vector: raw, in a packet, or in a routed datagram. */
function messageOf(vector: Vector, which: "msg1" | "msg2"): Uint8Array | undefined {
  const raw = vector[which];
  if (raw !== undefined) return unhex(raw);
  const packet = vector[`${which}_packet`] ?? vector[`${which}_datagram`]?.slice(2 * ROUTING);
  return packet === undefined ? undefined : handshakeMessage(unhex(packet));
}

function check(keys: EstablishedKeys | undefined, vector: Vector): void {
  const [send, receive] =
    keys?.role === "initiator"
      ? [vector["initiator_tx_key"], vector["initiator_rx_key"]]
      : [vector["initiator_rx_key"], vector["initiator_tx_key"]];
  expect(keys && hex(keys.handshakeHash)).toBe(vector["handshake_hash"]);
  expect(keys?.sessionId.toString(16).padStart(16, "0")).toBe(vector["session_id"]);
  expect(keys && hex(keys.sendKey)).toBe(send);
  expect(keys && hex(keys.receiveKey)).toBe(receive);
  expect(keys?.strict).toBe(false);
}

describe("handshakes of 0.19.0", () => {
  const all = vectors("handshake");

  it.each(all.filter((v) => v["initiator_ephemeral_priv"] !== undefined))(
    "initiator: $name",
    (v) => {
      const nodeId = v["msg1_payload"];
      const handshake = new InitiatorHandshake({
        prologue: unhex(v["prologue"] as string),
        responderPublicKey: unhex(v["responder_static_pub"] as string),
        psk: unhex(v["psk"] as string),
        randomBytes: fixed(v["initiator_ephemeral_priv"]),
        ...(nodeId
          ? { routedNodeId: new DataView(unhex(nodeId).buffer).getBigUint64(0, true) }
          : {}),
      });
      const message1 = handshake.message1();
      expect(hex(message1)).toBe(hex(messageOf(v, "msg1") as Uint8Array));
      check(handshake.finish(messageOf(v, "msg2") as Uint8Array), v);
      expect(hex(handshakePacket(message1)).slice(-2 * message1.length)).toBe(hex(message1));
    },
  );

  it.each(all.filter((v) => v["responder_static_priv"] && v["responder_ephemeral_priv"]))(
    "responder: $name",
    (v) => {
      const keyPair = dhKeyPair(unhex(v["responder_static_priv"] as string));
      expect(hex(keyPair.publicKey)).toBe(v["responder_static_pub"]);
      const response = respond({
        prologue: unhex(v["prologue"] as string),
        keyPair,
        psk: unhex(v["psk"] as string),
        message1: messageOf(v, "msg1") as Uint8Array,
        routed: v["msg1_datagram"] !== undefined,
        randomBytes: fixed(v["responder_ephemeral_priv"]),
      });
      expect(response && hex(response.message2)).toBe(hex(messageOf(v, "msg2") as Uint8Array));
      check(response?.keys, v);
    },
  );

  it("let whoever holds the pre-shared key and a recording compute the session keys", () => {
    const v = all.find(({ name }) => name.includes("without any private key")) as Vector;
    // The hash needs no secret but the psk: every DH output enters only the cipher keys.
    const replayed = replayHash(v);
    expect(hex(replayed)).toBe(v["handshake_hash"]);
    const keys = legacyKeys(replayed);
    expect(hex(keys.initiatorToResponder)).toBe(v["initiator_tx_key"]);
    expect(hex(keys.responderToInitiator)).toBe(v["initiator_rx_key"]);
  });

  it.each(vectors("kdf"))("$name", (v) => {
    const keys = legacyKeys(unhex(v["handshake_hash"] as string));
    expect(hex(keys.initiatorToResponder)).toBe(v["initiator_tx"]);
    expect(hex(keys.responderToInitiator)).toBe(v["initiator_rx"]);
    expect(sessionIdOfHandshake(unhex(v["handshake_hash"] as string))).toBe(
      BigInt(`0x${v["session_id"]}`),
    );
  });

  it.each(vectors("prologue"))("prologue: $name", (v) => {
    const [from, to] = [BigInt(`0x${v["src_node_id"]}`), BigInt(`0x${v["dest_node_id"]}`)];
    expect(hex(meshPrologue(from, to))).toBe(v["bytes"]);
    expect(hex(meshPrologue(from & 0xffff_ffffn, to + (1n << 40n)))).toBe(v["bytes"]);
  });
});

/** The handshake hash as an eavesdropper with the psk computes it (Noise revision 34, section 5.2). */
function replayHash(v: Vector): Uint8Array {
  const { hash, hkdf } = blake2sSuite;
  const join = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
  const name = new TextEncoder().encode("Noise_NKpsk0_25519_ChaChaPoly_BLAKE2s");
  let h = hash(name);
  const pskHash = hkdf(h, unhex(v["psk"] as string), 3)[1] as Uint8Array;
  const [message1, message2] = [unhex(v["msg1"] as string), unhex(v["msg2"] as string)];
  for (const part of [
    unhex(v["prologue"] as string),
    unhex(v["responder_static_pub"] as string),
    pskHash,
    message1.subarray(0, 32),
    message1.subarray(32),
    message2.subarray(0, 32),
    message2.subarray(32),
  ]) {
    h = hash(join(h, part));
  }
  return h;
}

const psk = new Uint8Array(32).fill(0x42);
const prologue = meshPrologue(1n, 2n);
const offer: Offer = { features: ALL_FEATURES, receiveWindow: 1 << 20 };

function attempt(
  initiator: Partial<InitiatorOptions>,
  responder: Partial<ResponderOptions>,
  tamper: (message: Uint8Array, which: 1 | 2) => Uint8Array = (message) => message,
): readonly [EstablishedKeys | undefined, EstablishedKeys | undefined] {
  const keyPair = generateDhKeyPair(randomBytes);
  const handshake = new InitiatorHandshake({
    prologue,
    responderPublicKey: keyPair.publicKey,
    psk,
    randomBytes,
    ...initiator,
  });
  const response = respond({
    prologue,
    keyPair,
    psk,
    routed: initiator.routedNodeId !== undefined,
    randomBytes,
    message1: tamper(handshake.message1(), 1),
    ...responder,
  });
  if (response === undefined) return [undefined, undefined];
  return [handshake.finish(tamper(response.message2, 2)), response.keys];
}

describe("a handshake between our own nodes", () => {
  it.each([false, true])("agrees on keys of the full key schedule (routed: %s)", (routed) => {
    const own = routed ? { routedNodeId: 0xaabb_ccdd_1122_3344n } : {};
    const [a, b] = attempt({ offer, ...own }, { offer });
    expect(a).toMatchObject({ strict: true, features: ALL_FEATURES, peerReceiveWindow: 1 << 20 });
    expect(b).toMatchObject({ strict: true, features: ALL_FEATURES, peerReceiveWindow: 1 << 20 });
    expect(a?.sendKey).toEqual(b?.receiveKey);
    expect(a?.receiveKey).toEqual(b?.sendKey);
    expect(a?.sendKey).not.toEqual(a?.receiveKey);
    expect(a?.sessionId).toBe(b?.sessionId);
    // Not what the handshake hash gives away.
    const known = legacyKeys(a?.handshakeHash as Uint8Array);
    expect(a?.sendKey).not.toEqual(known.initiatorToResponder);
    expect(a?.sendKey).not.toEqual(known.responderToInitiator);
  });

  it("keeps only the features both have, and the other's window and extensions", () => {
    const theirs: Offer = {
      features: sessionFeatures.strictKeys | sessionFeatures.fragmentation | 0x4000_0000,
      receiveWindow: 64 * 1024,
      extensions: new Map([[9, Uint8Array.of(1, 2, 3)]]),
    };
    const [a, b] = attempt({ offer }, { offer: theirs });
    expect(a?.features).toBe(sessionFeatures.strictKeys | sessionFeatures.fragmentation);
    expect(b?.features).toBe(a?.features);
    expect(a?.peerReceiveWindow).toBe(64 * 1024);
    expect(a?.peerExtensions.get(9)).toEqual(Uint8Array.of(1, 2, 3));
    expect(b?.peerReceiveWindow).toBe(1 << 20);
  });

  it.each([
    ["the responder makes no offer", { offer }, {}],
    ["the initiator makes no offer", {}, { offer }],
    ["one side has no strict keys", { offer }, { offer: { features: 2, receiveWindow: 0 } }],
  ] as const)("falls back to 0.19.0 keys when %s", (_, initiator, responder) => {
    const [a, b] = attempt(initiator, responder);
    expect(a).toMatchObject({ strict: false, features: 0 });
    expect(b).toMatchObject({ strict: false, features: 0 });
    expect(a?.sendKey).toEqual(b?.receiveKey);
  });

  it("is refused by either side that requires strict sessions of one that has none", () => {
    expect(attempt({ offer, requireStrict: true }, {})[0]).toBeUndefined();
    expect(attempt({}, { offer, requireStrict: true })).toEqual([undefined, undefined]);
    const [a, b] = attempt({ offer, requireStrict: true }, { offer, requireStrict: true });
    expect([a?.strict, b?.strict]).toEqual([true, true]);
  });

  it("does not authenticate when any bit of a message is changed", () => {
    for (const which of [1, 2] as const) {
      const length = which === 1 ? 32 + 11 + 16 : 32 + 11 + 16;
      for (let bit = 0; bit < 8 * length; bit += 7) {
        let changes = 0;
        const [a] = attempt({ offer }, { offer }, (message, at) => {
          if (at !== which) return message;
          expect(message).toHaveLength(length);
          const changed = message.slice();
          (changed[bit >> 3] as number) ^= 1 << (bit & 7);
          changes += 1;
          return changed;
        });
        // X25519 ignores the top bit of a key, but the key is hashed as it came.
        expect([changes, a]).toEqual([1, undefined]);
      }
    }
  });

  it.each([
    ["another pre-shared key", { psk: new Uint8Array(32) }],
    ["another prologue", { prologue: meshPrologue(1n, 3n) }],
    ["an empty prologue", { prologue: new Uint8Array(0) }],
    ["another static key", { keyPair: generateDhKeyPair(randomBytes) }],
    ["an empty message", { message1: new Uint8Array(0) }],
    ["a message cut off", { message1: new Uint8Array(47) }],
    ["a point of small order", { message1: new Uint8Array(48) }],
  ])("is refused by a responder with %s", (_, responder) => {
    expect(attempt({ offer }, responder)).toEqual([undefined, undefined]);
  });

  it("is not routed when the payload is shorter than a node id", () => {
    expect(attempt({}, { routed: true })).toEqual([undefined, undefined]);
  });

  it("finishes once, whatever false answers come before the true one", () => {
    const keyPair = generateDhKeyPair(randomBytes);
    const options = { prologue, psk, randomBytes };
    const handshake = new InitiatorHandshake({ ...options, responderPublicKey: keyPair.publicKey });
    const message1 = handshake.message1();
    const response = respond({ ...options, keyPair, message1, routed: false });
    const message2 = response?.message2 as Uint8Array;
    // Anybody can send a false message 2 first.
    expect(handshake.finish(new Uint8Array(48).fill(9))).toBeUndefined();
    expect(
      handshake.finish(message2.map((byte, at) => (at === 40 ? byte ^ 1 : byte))),
    ).toBeUndefined();
    expect(handshake.finish(message2.subarray(1))).toBeUndefined();
    expect(handshake.finish(message2)).toBeDefined();
    expect(handshake.finish(message2)).toBeUndefined();
    expect(() => handshake.message1()).toThrow(/once/);
  });

  it("takes keys of 32 bytes only, and none of small order", () => {
    const options = { prologue, psk, randomBytes, responderPublicKey: new Uint8Array(31) };
    expect(() => new InitiatorHandshake(options)).toThrow(/must be 32 bytes, got 31/);
    const smallOrder = new InitiatorHandshake({
      ...options,
      responderPublicKey: new Uint8Array(32),
    });
    expect(() => smallOrder.message1()).toThrow(/not a usable X25519 key/);
  });

  it("survives extensions it does not know, and treats a damaged offer as none", () => {
    const keyPair = generateDhKeyPair(randomBytes);
    const raw = (payload: Uint8Array): EstablishedKeys | undefined => {
      const state = new HandshakeState(NK_PSK0, blake2sSuite, true, prologue, {
        ephemeral: generateAgreementKey(),
        remoteStatic: keyPair.publicKey,
        presharedKeys: [psk],
      });
      const message1 = state.write(payload) as Uint8Array;
      return respond({ prologue, keyPair, psk, message1, routed: false, offer, randomBytes })?.keys;
    };
    expect(raw(unhex("47460101000000400000000901000b"))?.strict).toBe(true);
    expect(raw(unhex("4746020100000040000000"))?.strict).toBe(true);
    expect(raw(unhex("47460101000000400000000902000b"))?.strict).toBe(false);
    expect(raw(unhex("474601010000004000000009"))?.strict).toBe(false);
    expect(raw(unhex("47460001000000400000"))?.strict).toBe(false);
    expect(raw(unhex("47470101000000400000000901000b"))?.strict).toBe(false);
    expect(raw(new Uint8Array(1000).fill(0x78))?.strict).toBe(false);
  });
});

describe("hostile handshake messages", () => {
  const keyPair = generateDhKeyPair(randomBytes);

  it("are never answered and never throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (message1, routed) => {
        const response = respond({ prologue, psk, keyPair, message1, routed, offer, randomBytes });
        expect(response).toBeUndefined();
      }),
      { numRuns: 100 },
    );
  });

  it("cost no key pair", () => {
    const refuse = (): never => {
      throw new Error("drew random bytes");
    };
    const message1 = randomBytes(48);
    const options = { prologue, psk, keyPair, message1, routed: false, randomBytes: refuse };
    expect(respond(options)).toBeUndefined();
  });
});
