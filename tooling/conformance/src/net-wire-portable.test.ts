import { randomBytes } from "node:crypto";
import type * as NetWire from "@gaiaftcl/net-wire";
import * as node from "@gaiaftcl/net-wire";
import { build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";

type Wire = typeof NetWire;

/** The package as a browser gets it: with the portable engine, and no module of Node anywhere. */
async function bundle(): Promise<Wire> {
  const { outputFiles } = await build({
    stdin: { contents: 'export * from "@gaiaftcl/net-wire";', resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
  });
  const text = outputFiles[0]?.text ?? "";
  return import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`);
}

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

/** A session made by two builds of the package, and a packet each way. */
function converse(initiator: Wire, responder: Wire, strict: boolean): void {
  const shared = {
    psk: random(32),
    prologue: node.meshPrologue(1n, 2n),
    randomBytes: random,
    ...(strict ? { offer: { features: node.ALL_FEATURES, receiveWindow: 65_536 } } : {}),
  };
  const keyPair = responder.generateDhKeyPair(random);
  const handshake = new initiator.InitiatorHandshake({
    ...shared,
    responderPublicKey: keyPair.publicKey,
  });
  const answer = responder.respond({
    ...shared,
    keyPair,
    message1: handshake.message1(),
    routed: false,
  });
  const keys = answer && handshake.finish(answer.message2);
  if (answer === undefined || keys === undefined) throw new Error("no session");
  const [left, right] = [new initiator.Session(keys, 0), new responder.Session(answer.keys, 0)];
  const header = { flags: 0, subprotocolId: 0, streamId: 1n, sequence: 0n, eventCount: 1 };
  // The second packet stands under the next key of a strict session.
  for (const now of [1, node.EPOCH_MS + 1]) {
    for (const [from, to] of [
      [left, right],
      [right, left],
    ] as const) {
      const payload = random(200);
      expect(to.open(from.seal(header, payload, now), now)?.payload).toEqual(payload);
    }
  }
}

describe("net-wire without Node", () => {
  let portable: Wire;
  beforeAll(async () => {
    portable = await bundle();
  });

  it.each([true, false])("speaks with itself and with Node's build (strict: %s)", (strict) => {
    converse(portable, portable, strict);
    converse(portable, node, strict);
    converse(node, portable, strict);
  });

  it("makes the same key of a secret", () => {
    const secret = random(32);
    expect(portable.dhKeyPair(secret).publicKey).toEqual(node.dhKeyPair(secret).publicKey);
  });

  it("writes the same address", () => {
    const address = "[2001:DB8:0::0:1]:9000";
    expect(portable.ensureAddress(address)).toBe(node.ensureAddress(address));
  });
});
