import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  ALL_FEATURES,
  dhKeyPair,
  type EstablishedKeys,
  encodeRouted,
  generateDhKeyPair,
  handshakeMessage,
  handshakePacket,
  InitiatorHandshake,
  meshPrologue,
  type Offer,
  respond,
  Session,
} from "./index.js";
import { hex, unhex, type Vector, vectors } from "./vectors.testing.js";

const psk = new Uint8Array(32).fill(0x42);
const keyPair = dhKeyPair(new Uint8Array(32).fill(7));
const prologue = meshPrologue(1n, 2n);
const offer: Offer = { features: ALL_FEATURES, receiveWindow: 1_048_576 };

interface Sides {
  readonly initiator?: Partial<ConstructorParameters<typeof InitiatorHandshake>[0]>;
  readonly responder?: Partial<Parameters<typeof respond>[0]>;
}

function shake({
  initiator = {},
  responder = {},
}: Sides = {}): readonly [EstablishedKeys | undefined, EstablishedKeys | undefined] {
  const attempt = new InitiatorHandshake({
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
    message1: attempt.message1(),
    routed: false,
    randomBytes,
    ...responder,
  });
  return [response === undefined ? undefined : attempt.finish(response.message2), response?.keys];
}

describe("handshakes of the wheel and of the computed vectors", () => {
  const text = (vector: Vector, name: string): string => vector[name] ?? "";

  it.each(vectors("prologue"))("prologue: $name", (vector: Vector) => {
    expect(
      hex(
        meshPrologue(
          BigInt(`0x${text(vector, "src_node_id")}`),
          BigInt(`0x${text(vector, "dest_node_id")}`),
        ),
      ),
    ).toBe(text(vector, "bytes"));
  });

  const withInitiator = vectors("handshake").filter(
    (vector) => vector["initiator_ephemeral_priv"] !== undefined,
  );
  it.each(withInitiator)("as initiator: $name", (vector: Vector) => {
    const routed = vector["msg1_datagram"] !== undefined;
    const claimed = text(vector, "msg1_payload");
    const attempt = new InitiatorHandshake({
      prologue: unhex(text(vector, "prologue")),
      responderPublicKey: unhex(text(vector, "responder_static_pub")),
      psk: unhex(text(vector, "psk")),
      ...(claimed === "" ? {} : { routedNodeId: Buffer.from(claimed, "hex").readBigUInt64LE() }),
      randomBytes: () => unhex(text(vector, "initiator_ephemeral_priv")),
    });
    const first = unhex(text(vector, routed ? "msg1_datagram" : "msg1_packet"));
    const second = unhex(
      text(
        vector,
        routed ? "msg2_datagram" : vector["msg2_packet"] === undefined ? "msg2" : "msg2_packet",
      ),
    );
    const packet = handshakePacket(attempt.message1());
    expect(hex(packet)).toBe(hex(routed ? first.subarray(18) : first));
    const inner = routed ? second.subarray(18) : second;
    const keys = attempt.finish(handshakeMessage(inner) ?? inner);
    expectKeys(keys, vector, ["sendKey", "receiveKey"]);
  });

  const withResponder = vectors("handshake").filter(
    (vector) =>
      vector["responder_static_priv"] !== undefined &&
      vector["responder_ephemeral_priv"] !== undefined,
  );
  it.each(withResponder)("as responder: $name", (vector: Vector) => {
    const routed = vector["msg1_datagram"] !== undefined;
    const first = unhex(text(vector, routed ? "msg1_datagram" : "msg1_packet"));
    const response = respond({
      prologue: unhex(text(vector, "prologue")),
      keyPair: dhKeyPair(unhex(text(vector, "responder_static_priv"))),
      psk: unhex(text(vector, "psk")),
      message1: handshakeMessage(routed ? first.subarray(18) : first) ?? new Uint8Array(),
      routed,
      offer,
      randomBytes: () => unhex(text(vector, "responder_ephemeral_priv")),
    });
    const expected = text(
      vector,
      routed ? "msg2_datagram" : vector["msg2_packet"] === undefined ? "msg2" : "msg2_packet",
    );
    expect(expected.endsWith(hex(response?.message2 ?? new Uint8Array()))).toBe(true);
    expectKeys(response?.keys, vector, ["receiveKey", "sendKey"]);
    if (routed)
      expect(response?.initiatorNodeId).toBe(
        Buffer.from(text(vector, "msg1_payload"), "hex").readBigUInt64LE(),
      );
  });

  function expectKeys(
    keys: EstablishedKeys | undefined,
    vector: Vector,
    [transmit, receive]: readonly ["sendKey" | "receiveKey", "sendKey" | "receiveKey"],
  ): void {
    expect(keys?.strict).toBe(false);
    expect(hex(keys?.handshakeHash ?? new Uint8Array())).toBe(vector["handshake_hash"]);
    expect(hex(keys?.[transmit] ?? new Uint8Array())).toBe(vector["initiator_tx_key"]);
    expect(hex(keys?.[receive] ?? new Uint8Array())).toBe(vector["initiator_rx_key"]);
    expect(keys?.sessionId.toString(16).padStart(16, "0")).toBe(vector["session_id"]);
  }
});

describe("the offer of a strict session", () => {
  it("gives both sides the same keys, which the handshake hash does not give away", () => {
    const [left, right] = shake({ initiator: { offer }, responder: { offer } });
    expect(left?.strict && right?.strict).toBe(true);
    expect(hex(left?.sendKey ?? new Uint8Array())).toBe(
      hex(right?.receiveKey ?? new Uint8Array(1)),
    );
    expect(hex(left?.receiveKey ?? new Uint8Array())).toBe(
      hex(right?.sendKey ?? new Uint8Array(1)),
    );
    expect(left?.peerReceiveWindow).toBe(offer.receiveWindow);
    expect(right?.features).toBe(ALL_FEATURES);
    const [plain] = shake();
    expect(plain?.strict).toBe(false);
  });

  it("agrees on what both can do", () => {
    const [left, right] = shake({
      initiator: { offer: { ...offer, features: 0b111 } },
      responder: { offer: { ...offer, features: 0b101 } },
    });
    expect([left?.features, right?.features]).toEqual([0b101, 0b101]);
  });

  it.each([
    ["the initiator makes none", { responder: { offer } }],
    ["the responder knows none", { initiator: { offer } }],
    [
      "one side leaves out the strict keys",
      { initiator: { offer }, responder: { offer: { ...offer, features: 0b110 } } },
    ],
  ])("falls back to a 0.19.0 session when %s, unless strict is required", (_, sides: Sides) => {
    const [left, right] = shake(sides);
    expect([left?.strict, right?.strict]).toEqual([false, false]);
    expect(hex(left?.sendKey ?? new Uint8Array())).toBe(
      hex(right?.receiveKey ?? new Uint8Array(1)),
    );
    expect(
      shake({ ...sides, initiator: { ...sides.initiator, requireStrict: true } })[0],
    ).toBeUndefined();
    expect(shake({ ...sides, responder: { ...sides.responder, requireStrict: true } })).toEqual([
      undefined,
      undefined,
    ]);
  });

  it("cannot be stripped, cut or changed by whoever carries it", () => {
    const attempt = (): InitiatorHandshake =>
      new InitiatorHandshake({
        prologue,
        responderPublicKey: keyPair.publicKey,
        psk,
        offer,
        randomBytes,
      });
    const answer = (message1: Uint8Array) =>
      respond({ prologue, keyPair, psk, message1, routed: false, offer, randomBytes });
    const message1 = attempt().message1();
    for (let at = 0; at < message1.length; at += 1) {
      const changed = message1.slice();
      changed[at] = (changed[at] as number) ^ 1;
      expect(answer(changed)).toBeUndefined();
      expect(answer(message1.subarray(0, at))).toBeUndefined();
    }
    const initiator = attempt();
    const message2 = answer(initiator.message1())?.message2 ?? new Uint8Array();
    expect(initiator.finish(message2.subarray(0, 48))).toBeUndefined();
    const other = attempt();
    const answered = answer(other.message1())?.message2 ?? new Uint8Array();
    answered[40] = (answered[40] as number) ^ 1;
    expect(other.finish(answered)).toBeUndefined();
  });

  it("is read past extensions of later versions, and not when cut", () => {
    const extensions = new Map([[9, new Uint8Array([1, 2, 3])]]);
    const [, right] = shake({
      initiator: { offer: { ...offer, extensions } },
      responder: { offer },
    });
    expect(right?.strict).toBe(true);
    expect(right?.peerExtensions.get(9)).toEqual(new Uint8Array([1, 2, 3]));
  });
});

describe("a handshake", () => {
  it.each([
    ["another pre-shared key", { responder: { psk: new Uint8Array(32) } }],
    ["another prologue", { responder: { prologue: meshPrologue(2n, 1n) } }],
    ["another responder", { responder: { keyPair: generateDhKeyPair(randomBytes) } }],
    ["a missing node id behind a routing header", { responder: { routed: true } }],
  ])("fails with %s", (_, sides: Sides) => {
    expect(shake(sides)).toEqual([undefined, undefined]);
  });

  it("claims the full node id when routed, before any offer", () => {
    const attempt = new InitiatorHandshake({
      prologue,
      responderPublicKey: keyPair.publicKey,
      psk,
      routedNodeId: 0xfedc_ba98_7654_3210n,
      offer,
      randomBytes,
    });
    const datagram = encodeRouted(
      { ttl: 16, hopCount: 0, flags: 0, source: 1, destination: 2n },
      handshakePacket(attempt.message1()),
    );
    const response = respond({
      prologue,
      keyPair,
      psk,
      message1: handshakeMessage(datagram.subarray(18)) ?? new Uint8Array(),
      routed: true,
      offer,
      randomBytes,
    });
    expect(response?.initiatorNodeId).toBe(0xfedc_ba98_7654_3210n);
    expect(response?.keys.strict).toBe(true);
  });

  it("refuses keys of another length, and a responder key of small order, before sending", () => {
    const make = (options: object) =>
      new InitiatorHandshake({
        prologue,
        responderPublicKey: keyPair.publicKey,
        psk,
        randomBytes,
        ...options,
      });
    expect(() => make({ psk: new Uint8Array(31) })).toThrow(
      "the pre-shared key must be 32 bytes, got 31",
    );
    expect(() => make({ responderPublicKey: new Uint8Array(33) })).toThrow(
      "must be 32 bytes, got 33",
    );
    expect(() => make({ responderPublicKey: new Uint8Array(32) }).message1()).toThrow(
      "not a usable X25519 key",
    );
  });

  it("is over after one answer, good or bad", () => {
    const attempt = new InitiatorHandshake({
      prologue,
      responderPublicKey: keyPair.publicKey,
      psk,
      randomBytes,
    });
    const response = respond({
      prologue,
      keyPair,
      psk,
      message1: attempt.message1(),
      routed: false,
      randomBytes,
    });
    expect(attempt.finish(response?.message2 ?? new Uint8Array())).toBeDefined();
    expect(attempt.finish(response?.message2 ?? new Uint8Array())).toBeUndefined();
  });

  it("lets both sides talk at once", () => {
    const [left, right] = shake({ initiator: { offer }, responder: { offer } });
    const initiator = new Session(left as EstablishedKeys, 0);
    const responder = new Session(right as EstablishedKeys, 0);
    expect(responder.open(initiator.heartbeat(1), 1)).toBeDefined();
    expect(initiator.open(responder.heartbeat(1), 1)).toBeDefined();
  });
});
