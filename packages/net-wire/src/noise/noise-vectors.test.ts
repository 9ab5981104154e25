import { createHash, createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { AgreementKey, Engine } from "../engine.js";
import * as noble from "../engine-noble.js";
import * as node from "../engine-node.js";
import { HandshakeState, NK_PSK0, type NoisePattern, type NoiseToken } from "./handshake-state.js";
import { agreementKey, blake2sSuite, dhKeyPair, encrypt, type NoiseSuite } from "./suite.js";

interface NoiseVector {
  readonly protocol_name: string;
  readonly init_prologue: string;
  readonly init_psks?: readonly string[];
  readonly init_static?: string;
  readonly init_ephemeral?: string;
  readonly init_remote_static?: string;
  readonly resp_prologue: string;
  readonly resp_psks?: readonly string[];
  readonly resp_static?: string;
  readonly resp_ephemeral?: string;
  readonly resp_remote_static?: string;
  readonly handshake_hash?: string;
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
}

const sha256Suite: NoiseSuite = {
  hashName: "SHA256",
  hash: (data) => createHash("sha256").update(data).digest(),
  hkdf: (chainingKey, input, outputs) => {
    const secret = createHmac("sha256", chainingKey).update(input).digest();
    const results: Uint8Array[] = [];
    for (let index = 1; index <= outputs; index += 1) {
      const hmac = createHmac("sha256", secret).update(results.at(-1) ?? "");
      results.push(hmac.update(Uint8Array.of(index)).digest());
    }
    return results;
  },
};

// Message patterns of revision 34, sections 7.4 and 7.5; a token list per message.
const PATTERNS: Readonly<Record<string, string>> = {
  N: "<s|e es",
  K: ">s <s|e es ss",
  X: "<s|e es s ss",
  NN: "|e|e ee",
  NK: "<s|e es|e ee",
  NX: "|e|e ee s es",
  XN: "|e|e ee|s se",
  XK: "<s|e es|e ee|s se",
  XX: "|e|e ee s es|s se",
  KN: ">s|e|e ee se",
  KK: ">s <s|e es ss|e ee se",
  KX: ">s|e|e ee se s es",
  IN: "|e s|e ee se",
  IK: "<s|e es s ss|e ee se",
  IX: "|e s|e ee se s es",
  NK1: "<s|e|e ee es",
  NX1: "|e|e ee s|es",
  X1N: "|e|e ee|s|se",
  X1K: "<s|e es|e ee|s|se",
  XK1: "<s|e|e ee es|s se",
  X1K1: "<s|e|e ee es|s|se",
  X1X: "|e|e ee s es|s|se",
  XX1: "|e|e ee s|es s se",
  X1X1: "|e|e ee s|es s|se",
  K1N: ">s|e|e ee|se",
  K1K: ">s <s|e es|e ee|se",
  KK1: ">s <s|e|e ee se es",
  K1K1: ">s <s|e|e ee es|se",
  K1X: ">s|e|e ee s es|se",
  KX1: ">s|e|e ee se s|es",
  K1X1: ">s|e|e ee s|se es",
  I1N: "|e s|e ee|se",
  I1K: "<s|e es s|e ee|se",
  IK1: "<s|e s|e ee se es",
  I1K1: "<s|e s|e ee es|se",
  I1X: "|e s|e ee s es|se",
  IX1: "|e s|e ee se s|es",
  I1X1: "|e s|e ee s|se es",
};

function patternOf(name: string): NoisePattern | undefined {
  const [, base = "", modifiers = ""] = /^([A-Z0-9]+?)((?:psk.*)?)$/.exec(name) ?? [];
  const text = PATTERNS[base];
  if (text === undefined) return undefined;
  const [known = "", ...rest] = text.split("|");
  const messages = rest.map((message) => message.split(" ") as NoiseToken[]);
  for (const modifier of modifiers === "" ? [] : modifiers.split("+")) {
    const place = Number(modifier.slice(3));
    if (place === 0) messages[0]?.unshift("psk");
    else messages[place - 1]?.push("psk");
  }
  return {
    name,
    initiatorKnown: known.includes(">s"),
    responderKnown: known.includes("<s"),
    messages,
  };
}

function load(file: string): readonly NoiseVector[] {
  const url = new URL(`../../vectors/noise/${file}`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8")).vectors;
}

const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");
const keyOf = (engine: Engine, secret: Uint8Array): AgreementKey => ({
  publicKey: engine.publicKeyOf(secret),
  agree: (theirs) => engine.agree(secret, theirs),
});

function side(
  vector: NoiseVector,
  prefix: "init" | "resp",
  pattern: NoisePattern,
  suite: NoiseSuite,
  engine: Engine,
): HandshakeState {
  const own = vector[`${prefix}_static`];
  const ephemeral = vector[`${prefix}_ephemeral`];
  const remote = vector[`${prefix}_remote_static`];
  return new HandshakeState(
    pattern,
    suite,
    prefix === "init",
    unhex(vector[`${prefix}_prologue`]),
    {
      ...(own === undefined ? {} : { static: keyOf(engine, unhex(own)) }),
      ...(ephemeral === undefined ? {} : { ephemeral: keyOf(engine, unhex(ephemeral)) }),
      ...(remote === undefined ? {} : { remoteStatic: unhex(remote) }),
      presharedKeys: (vector[`${prefix}_psks`] ?? []).map(unhex),
    },
  );
}

describe.each(
  ["cacophony-25519-chachapoly-blake2s-sha256.json", "snow-25519-chachapoly.json"].flatMap((file) =>
    [node, noble].map((engine) => ({ file, engine, engineName: engine.engineName })),
  ),
)("the handshakes of $file with the $engineName engine", ({ file, engine }) => {
  const vectors = load(file);

  it("are all of patterns known here", () => {
    expect(vectors.length).toBeGreaterThan(100);
    expect(
      vectors.filter((vector) => patternOf(vector.protocol_name.split("_")[1] ?? "") === undefined),
    ).toEqual([]);
  });

  it.each(vectors.map((vector) => [vector.protocol_name, vector] as const))(
    "%s",
    (name, vector) => {
      const [, patternName = "", , , hashName] = name.split("_");
      const pattern = patternOf(patternName) as NoisePattern;
      const suite = hashName === "SHA256" ? sha256Suite : blake2sSuite;
      const initiator = side(vector, "init", pattern, suite, engine);
      const responder = side(vector, "resp", pattern, suite, engine);
      const isOneWay = pattern.messages.length === 1;
      let keys: readonly Uint8Array[] = [];
      const counters = [0, 0];
      for (const [index, { payload, ciphertext }] of vector.messages.entries()) {
        if (index < pattern.messages.length) {
          const [writer, reader] =
            index % 2 === 0 ? [initiator, responder] : [responder, initiator];
          const message = writer.write(unhex(payload));
          expect(hex(message)).toBe(ciphertext);
          expect(hex(reader.read(message as Uint8Array))).toBe(payload);
          keys = writer.isFinished ? writer.split() : keys;
          continue;
        }
        // Transport messages go on alternating; a one-way pattern has the initiator's only.
        const direction = isOneWay ? 0 : index % 2;
        const sealed = encrypt(
          keys[direction] as Uint8Array,
          counters[direction] as number,
          new Uint8Array(0),
          unhex(payload),
        );
        counters[direction] = (counters[direction] as number) + 1;
        expect(hex(sealed)).toBe(ciphertext);
      }
      expect(initiator.isFinished && responder.isFinished).toBe(true);
      expect(hex(initiator.handshakeHash)).toBe(hex(responder.handshakeHash));
      expect(initiator.split().map(hex)).toEqual(responder.split().map(hex));
      if (vector.handshake_hash !== undefined) {
        expect(hex(initiator.handshakeHash)).toBe(vector.handshake_hash);
      }
    },
  );
});

describe("the pattern of Net", () => {
  it("is NKpsk0 as Noise spells it", () => {
    expect(patternOf("NKpsk0")).toEqual(NK_PSK0);
  });

  it("gives no shared secret with a point of small order", () => {
    const responder = agreementKey(dhKeyPair(new Uint8Array(32).fill(7)));
    for (const first of [0, 1]) {
      const state = new HandshakeState(NK_PSK0, blake2sSuite, false, new Uint8Array(0), {
        ephemeral: agreementKey(dhKeyPair(new Uint8Array(32).fill(9))),
        static: responder,
        presharedKeys: [new Uint8Array(32)],
      });
      const message = new Uint8Array(48);
      message[0] = first;
      expect(state.read(message)).toBeUndefined();
    }
  });

  it("needs its keys", () => {
    expect(() => new HandshakeState(NK_PSK0, blake2sSuite, true, new Uint8Array(0), {})).toThrow(
      TypeError,
    );
  });
});
