import { encodeBase64, encodeHex } from "@gaiaftcl/witness/ed25519";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClientDesk, challenge, closedWith } from "./client-desk.testing.js";
import { CLIENT_IN_FLIGHT } from "./client-session.js";
import { encodeFrame, FRAME_BYTES } from "./frame.js";
import { challengeText } from "./message.js";

describe("the challenge", () => {
  it("is handed out to be signed, once", () => {
    const desk = new ClientDesk();
    expect(desk.say(challengeText(encodeBase64(challenge)))).toEqual([
      { type: "challenge", challenge },
    ]);
    desk.session.answer(new Uint8Array(64));
    expect(desk.heard()).toEqual([
      {
        op: "handshake",
        operator_context: "alice",
        signature: encodeBase64(new Uint8Array(64)),
      },
    ]);
    expect(() => desk.session.answer(new Uint8Array(64))).toThrow(
      expect.objectContaining({ code: "PROTOCOL_VIOLATION" }),
    );
  });

  it.each([
    ["31 bytes", encodeBase64(new Uint8Array(31))],
    ["33 bytes", encodeBase64(new Uint8Array(33))],
    ["nothing", ""],
    ["base64url", encodeBase64(new Uint8Array(32).fill(0xff)).replaceAll("/", "_")],
    ["missing padding", encodeBase64(challenge).replace("=", "")],
    ["white space", `${encodeBase64(challenge)} `],
    ["bits after the last byte", encodeBase64(challenge).replace(/.=$/, "d=")],
  ])("is refused as %s", (_, text) => {
    const desk = new ClientDesk();
    expect(desk.say(challengeText(text))).toEqual(closedWith("CHALLENGE_REFUSED"));
    expect(desk.heard()).toEqual([]);
  });

  it("is refused if it is a witness hash the client knows", () => {
    const known = new Set([encodeHex(challenge)]);
    const desk = new ClientDesk({ isKnownHash: (hash) => known.has(hash) });
    expect(desk.say(challengeText(encodeBase64(challenge)))).toEqual(
      closedWith("CHALLENGE_REFUSED"),
    );
  });

  it("is the only one: another before, after or in place of the verdict ends the session", () => {
    const again = challengeText(encodeBase64(new Uint8Array(32).fill(9)));
    const signing = new ClientDesk();
    expect(signing.say(challengeText(encodeBase64(challenge)), again)).toMatchObject([
      { type: "challenge" },
      { type: "closed", error: { code: "PROTOCOL_VIOLATION" } },
    ]);
    expect(() => signing.session.answer(new Uint8Array(64))).toThrow();
    const answered = new ClientDesk();
    answered.say(challengeText(encodeBase64(challenge)));
    answered.session.answer(new Uint8Array(64));
    expect(answered.say(again)).toEqual(closedWith("PROTOCOL_VIOLATION"));
    expect(ClientDesk.open().say(again)).toEqual(closedWith("PROTOCOL_VIOLATION"));
  });

  it.each([
    ["a verdict", '{"accepted":true}'],
    ["a response", '{"request_id":"r"}'],
    ["a number", "7"],
  ])("comes first: %s in its place ends the session", (_, text) => {
    expect(new ClientDesk().say(text)).toEqual(closedWith("PROTOCOL_VIOLATION"));
  });

  it("is not answered with anything but 64 bytes", () => {
    const desk = new ClientDesk();
    desk.say(challengeText(encodeBase64(challenge)));
    expect(() => desk.session.answer(new Uint8Array(63))).toThrow(
      expect.objectContaining({ code: "SIGNATURE_INVALID" }),
    );
    expect(desk.heard()).toEqual([]);
  });
});

describe("a refusal", () => {
  it("before the challenge is told apart if it means: try again", () => {
    const reason = '{"accepted":false,"reason":"BUSY: 256 connections are open"}';
    expect(new ClientDesk().say(reason)).toEqual(closedWith("BUSY"));
  });

  it("after the signature is final, so that no server can ask for one signature after the other", () => {
    const desk = new ClientDesk();
    desk.say(challengeText(encodeBase64(challenge)));
    desk.session.answer(new Uint8Array(64));
    const reason = '{"accepted":false,"reason":"BUSY: once more, please"}';
    expect(desk.say(reason)).toEqual(closedWith("HANDSHAKE_REFUSED"));
  });

  it("carries the server's reason, made harmless", () => {
    const [event] = new ClientDesk().say('{"accepted":false,"reason":"no \\u001b[31m entry"}');
    expect(event).toMatchObject({ type: "closed", error: { code: "HANDSHAKE_REFUSED" } });
    const message = event?.type === "closed" ? event.error.message : "";
    expect(message).toContain("\\u001b[31m entry");
  });

  it("of an open session is a withdrawal", () => {
    const desk = ClientDesk.open();
    expect(desk.say('{"accepted":false,"reason":"IDLE: nothing was asked"}')).toEqual(
      closedWith("WITHDRAWN"),
    );
  });
});

describe("requests", () => {
  it(`beyond ${CLIENT_IN_FLIGHT} wait for their turn, unless they are withdrawn`, () => {
    const desk = ClientDesk.open();
    for (let id = 1; id <= CLIENT_IN_FLIGHT + 2; id += 1) desk.session.request(`r${id}`, "m", {});
    expect(desk.heard()).toHaveLength(CLIENT_IN_FLIGHT);
    expect(desk.session.withdraw(`r${CLIENT_IN_FLIGHT + 1}`)).toBe(true);
    expect(desk.session.withdraw("r1")).toBe(false);
    desk.say(desk.response("r5"));
    expect(desk.heard()).toMatchObject([{ request_id: `r${CLIENT_IN_FLIGHT + 2}` }]);
  });

  it.each([
    ["a cycle", cycle(), "ARGS_INVALID"],
    ["a function", { f: () => 1 }, "ARGS_INVALID"],
    ["an integer a double does not hold", { n: 2n ** 60n }, "ARGS_INVALID"],
    ["more levels than the server reads", { a: nested(63) }, "ARGS_INVALID"],
    ["more bytes than a frame holds", { a: "x".repeat(FRAME_BYTES) }, "REQUEST_TOO_LARGE"],
  ])("with %s never leave", (_, args, code) => {
    const desk = ClientDesk.open();
    expect(() => desk.session.request("r1", "m", args)).toThrow(expect.objectContaining({ code }));
    expect(desk.session.outstanding).toBe(0);
    expect(desk.heard()).toEqual([]);
  });

  it("are refused before the session is open and after its end", () => {
    expect(() => new ClientDesk().session.request("r", "m", {})).toThrow(
      expect.objectContaining({ code: "CLOSED" }),
    );
    const desk = ClientDesk.open();
    desk.say("7");
    expect(() => desk.session.request("r", "m", {})).toThrow(
      expect.objectContaining({ code: "PROTOCOL_VIOLATION" }),
    );
  });
});

it("meets any message at any time without throwing", () => {
  const texts = fc.oneof(
    fc.json({ maxDepth: 3 }),
    fc.constantFrom('{"accepted":true}', challengeText(encodeBase64(challenge)), "{"),
  );
  fc.assert(
    fc.property(fc.array(texts, { maxLength: 6 }), fc.boolean(), (said, isOpen) => {
      const desk = isOpen ? ClientDesk.open() : new ClientDesk();
      const events = said.flatMap((text) => desk.say(text));
      expect(events.filter((event) => event.type === "closed").length).toBeLessThanOrEqual(1);
    }),
  );
});

it("limits frames to 4 KiB before the handshake is accepted", () => {
  const desk = new ClientDesk();
  desk.session.receive(encodeFrame(`"${"x".repeat(5000)}"`));
  expect(desk.session.next()).toMatchObject({ error: { code: "FRAME_TOO_LARGE" } });
});

function cycle(): unknown {
  const value: { self?: unknown } = {};
  value.self = value;
  return value;
}

function nested(levels: number): unknown {
  return levels === 0 ? 0 : [nested(levels - 1)];
}
