import { randomBytes } from "node:crypto";
import { dhKeyPair } from "@gaiaftcl/net-wire";
import { beforeEach, describe, expect, it } from "vitest";
import { CallDesk, callPacket, callPeer } from "./endpoint-handshake.js";
import { endpointSettings } from "./endpoint-options.js";

const secretKey = "07".repeat(32);
const common = { bind: "127.0.0.1:0", peer: "127.0.0.1:1", psk: "42".repeat(32) };
const caller = endpointSettings({
  ...common,
  role: "initiator",
  peerPublicKey: Buffer.from(dhKeyPair(Buffer.from(secretKey, "hex")).publicKey).toString("hex"),
});
const newCall = (): Uint8Array => callPacket(callPeer(caller, randomBytes));
let desk: CallDesk;

beforeEach(() => {
  desk = new CallDesk(endpointSettings({ ...common, role: "responder", secretKey }), randomBytes);
});

describe("the answering side of an endpoint", () => {
  it("answers no call twice, whoever repeats it and however late", () => {
    const [former, latter] = [newCall(), newCall()];
    expect(desk.answer(former, "10.0.0.1:1", 0)).toBeDefined();
    expect(desk.answer(latter, "10.0.0.1:1", 0)).toBeDefined();
    for (const call of [former, latter]) {
      expect(desk.answer(call, "10.0.0.1:1", 10_000)).toBeUndefined();
      expect(desk.answer(call, "10.0.0.2:1", 86_400_000)).toBeUndefined();
    }
  });

  it("looks at five calls a second from one source, and at a thousand from all", () => {
    const forged = newCall().fill(9, 64);
    for (let count = 0; count < 5; count += 1) desk.answer(forged, "10.0.0.1:1", 0);
    expect(desk.answer(newCall(), "10.0.0.1:1", 0)).toBeUndefined();
    expect(desk.answer(newCall(), "10.0.0.2:1", 0)).toBeDefined();
    for (let source = 0; source < 1_000; source += 1) {
      desk.answer(forged, `10.1.${source >> 8}.${source & 0xff}:1`, 0);
    }
    expect(desk.answer(newCall(), "10.0.0.3:1", 0)).toBeUndefined();
    expect(desk.answer(newCall(), "10.0.0.3:1", 1_000)).toBeDefined();
  });
});
