import { decode, encode } from "@gaiaftcl/canonical-json";
import { commandRow } from "@gaiaftcl/sealed-row";
import { CONTEXTS, cosign, federationKeys, type Seal } from "@gaiaftcl/witness";
import { encodeBase64, encodeHex, generateKeyPair } from "@gaiaftcl/witness/ed25519";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemorySealer, type Message } from "./cell.testing.js";
import {
  CLIENT_IN_FLIGHT,
  type ClientEvent,
  ClientSession,
  type ClientSessionOptions,
} from "./client-session.js";
import { encodeFrame, encodeFrames, FRAME_BYTES, FrameDecoder } from "./frame.js";
import { challengeText, type ResponseSeal, responseText } from "./message.js";
import type { Outcome } from "./outcome.js";

const challenge = new Uint8Array(32).fill(7);

/** A session and the server it talks to, whose every word the test decides. */
class Desk {
  readonly session: ClientSession;
  readonly sealer: MemorySealer;
  readonly #server = new FrameDecoder(FRAME_BYTES);

  constructor(options: Partial<ClientSessionOptions> = {}, sealer = new MemorySealer()) {
    this.session = new ClientSession({ operatorContext: "alice", ...options });
    this.sealer = sealer;
  }

  static open(options: Partial<ClientSessionOptions> = {}, sealer = new MemorySealer()): Desk {
    const desk = new Desk(options, sealer);
    desk.say(challengeText(encodeBase64(challenge)));
    desk.session.answer(new Uint8Array(64));
    desk.say('{"accepted":true}');
    desk.heard();
    return desk;
  }

  say(...texts: readonly string[]): ClientEvent[] {
    this.session.receive(encodeFrames(texts));
    const events: ClientEvent[] = [];
    for (let event = this.session.next(); event; event = this.session.next()) events.push(event);
    return events;
  }

  heard(): Message[] {
    this.#server.push(this.session.takeOutput() ?? new Uint8Array());
    const messages: Message[] = [];
    for (let frame = this.#server.next(); frame; frame = this.#server.next()) {
      messages.push(decode(frame) as Message);
    }
    return messages;
  }

  /** What an honest server answers, unless something is changed. */
  response(requestId: string, changes: Partial<Answer> = {}): string {
    const answer: Answer = {
      requestId,
      sealedRequestId: requestId,
      method: "m",
      args: {},
      operatorContext: "alice",
      outcome: { status: "ok" },
      ...changes,
    };
    const columns = commandRow({
      commandId: "c1",
      requestId: answer.sealedRequestId,
      operatorContext: answer.operatorContext,
      method: answer.method,
      args: answer.args,
      outcome: answer.outcome,
    });
    const seal = this.sealer.seal(columns);
    const sent = encode(answer.sentOutcome ?? answer.outcome);
    return responseText(requestId, sent, answer.change?.(seal) ?? seal);
  }
}

interface Answer {
  readonly requestId: string;
  readonly sealedRequestId: string;
  readonly method: string;
  readonly args: unknown;
  readonly operatorContext: string;
  readonly outcome: Outcome;
  readonly sentOutcome?: Outcome;
  readonly change?: (seal: ResponseSeal) => ResponseSeal;
}

const closedWith = (code: string): unknown => [
  { type: "closed", error: expect.objectContaining({ code }) },
];

describe("the challenge", () => {
  it("is handed out to be signed, once", () => {
    const desk = new Desk();
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
    const desk = new Desk();
    expect(desk.say(challengeText(text))).toEqual(closedWith("CHALLENGE_REFUSED"));
    expect(desk.heard()).toEqual([]);
  });

  it("is refused if it is a witness hash the client knows", () => {
    const known = new Set([encodeHex(challenge)]);
    const desk = new Desk({ isKnownHash: (hash) => known.has(hash) });
    expect(desk.say(challengeText(encodeBase64(challenge)))).toEqual(
      closedWith("CHALLENGE_REFUSED"),
    );
  });

  it("is the only one: another before, after or in place of the verdict ends the session", () => {
    const again = challengeText(encodeBase64(new Uint8Array(32).fill(9)));
    const signing = new Desk();
    expect(signing.say(challengeText(encodeBase64(challenge)), again)).toMatchObject([
      { type: "challenge" },
      { type: "closed", error: { code: "PROTOCOL_VIOLATION" } },
    ]);
    expect(() => signing.session.answer(new Uint8Array(64))).toThrow();
    const answered = new Desk();
    answered.say(challengeText(encodeBase64(challenge)));
    answered.session.answer(new Uint8Array(64));
    expect(answered.say(again)).toEqual(closedWith("PROTOCOL_VIOLATION"));
    expect(Desk.open().say(again)).toEqual(closedWith("PROTOCOL_VIOLATION"));
  });

  it.each([
    ["a verdict", '{"accepted":true}'],
    ["a response", '{"request_id":"r"}'],
    ["a number", "7"],
  ])("comes first: %s in its place ends the session", (_, text) => {
    expect(new Desk().say(text)).toEqual(closedWith("PROTOCOL_VIOLATION"));
  });

  it("is not answered with anything but 64 bytes", () => {
    const desk = new Desk();
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
    expect(new Desk().say(reason)).toEqual(closedWith("BUSY"));
  });

  it("after the signature is final, so that no server can ask for one signature after the other", () => {
    const desk = new Desk();
    desk.say(challengeText(encodeBase64(challenge)));
    desk.session.answer(new Uint8Array(64));
    const reason = '{"accepted":false,"reason":"BUSY: once more, please"}';
    expect(desk.say(reason)).toEqual(closedWith("HANDSHAKE_REFUSED"));
  });

  it("carries the server's reason, made harmless", () => {
    const [event] = new Desk().say('{"accepted":false,"reason":"no \\u001b[31m entry"}');
    expect(event).toMatchObject({ type: "closed", error: { code: "HANDSHAKE_REFUSED" } });
    const message = event?.type === "closed" ? event.error.message : "";
    expect(message).toContain("\\u001b[31m entry");
  });

  it("of an open session is a withdrawal", () => {
    const desk = Desk.open();
    expect(desk.say('{"accepted":false,"reason":"IDLE: nothing was asked"}')).toEqual(
      closedWith("WITHDRAWN"),
    );
  });
});

describe("a response", () => {
  it("that is sealed for the request comes out with its report and seal", () => {
    const desk = Desk.open();
    desk.session.request("r1", "m", { b: 1.5, a: "é" });
    expect(desk.heard()).toEqual([{ request_id: "r1", method: "m", args: { b: 1.5, a: "é" } }]);
    expect(desk.say(desk.response("r1", { args: { b: 1.5, a: "é" } }))).toMatchObject([
      {
        type: "response",
        response: {
          requestId: "r1",
          outcome: { status: "ok" },
          commandId: "c1",
          cellId: "test-cell",
          domainId: "test-domain",
          report: { ok: true, level: "facets" },
        },
      },
    ]);
  });

  it("may come in another order than the requests", () => {
    const desk = Desk.open();
    for (const id of ["r1", "r2", "r3"]) desk.session.request(id, "m", {});
    const events = desk.say(...["r3", "r1", "r2"].map((id) => desk.response(id)));
    expect(events.map((event) => event.type === "response" && event.response.requestId)).toEqual([
      "r3",
      "r1",
      "r2",
    ]);
    expect(desk.session.outstanding).toBe(0);
  });

  it("is checked against the arguments as they were when they were sent", () => {
    const desk = Desk.open();
    const args = { list: [1] };
    desk.session.request("r1", "m", args);
    args.list.push(2);
    expect(desk.say(desk.response("r1", { args: { list: [1] } }))).toMatchObject([
      { type: "response" },
    ]);
  });

  it("to nothing that was asked ends the session, also if it was asked and answered before", () => {
    const desk = Desk.open();
    expect(desk.say(desk.response("r1"))).toEqual(closedWith("RESPONSE_UNKNOWN"));
    const replayed = Desk.open();
    replayed.session.request("r1", "m", {});
    const text = replayed.response("r1");
    expect(replayed.say(text, text)).toMatchObject([
      { type: "response" },
      { type: "closed", error: { code: "RESPONSE_UNKNOWN" } },
    ]);
  });

  it.each<[string, Partial<Answer>]>([
    ["of another request", { sealedRequestId: "r0" }],
    ["of another verb", { method: "other" }],
    ["of other arguments", { args: { a: 1 } }],
    ["of another operator", { operatorContext: "bob" }],
    ["of another outcome", { sentOutcome: { status: "ok", extra: true } }],
    ["with another hash", { change: (seal) => ({ ...seal, witnessHash: "0".repeat(64) }) }],
    ["with an upper-case hash", { change: upperCaseHash }],
    ["with another witness", { change: (seal) => ({ ...seal, canonicalWitness: "sealed" }) }],
    ["with a witness of another table", { change: otherTable }],
    ["without a witness", { change: (seal) => ({ ...seal, canonicalWitness: "" }) }],
    ["with a facet of something else", { change: (seal) => withEntry(seal, "0".repeat(64)) }],
    ["with a foreign entry", { change: (seal) => withEntry(seal, "selfsigned:me") }],
    ["with four entries", { change: (seal) => ({ ...seal, quintet: seal.quintet.slice(1) }) }],
    ["with six entries", { change: (seal) => ({ ...seal, quintet: [...seal.quintet, "x"] }) }],
  ])("%s ends the session, with a report", (_, changes) => {
    const desk = Desk.open();
    desk.session.request("r1", "m", {});
    const [event] = desk.say(desk.response("r1", changes));
    expect(event).toMatchObject({ type: "closed", error: { code: "RESPONSE_UNVERIFIED" } });
    const report = event?.type === "closed" ? event.error.report : undefined;
    expect(report).toMatchObject({ ok: false, summary: expect.any(String) });
  });

  it("swapped with that of another request in flight is caught", () => {
    const desk = Desk.open();
    desk.session.request("r1", "m", {});
    desk.session.request("r2", "m", {});
    const swapped = desk.response("r1", { sealedRequestId: "r2" });
    expect(desk.say(swapped)).toEqual(closedWith("RESPONSE_UNVERIFIED"));
  });

  it("sealed before one that had come when the request was sent is caught", () => {
    const desk = Desk.open();
    desk.sealer.times.push("2026-01-01T00:00:02.000Z", "2026-01-01T00:00:01.999Z");
    desk.session.request("r1", "m", {});
    expect(desk.say(desk.response("r1"))).toMatchObject([{ type: "response" }]);
    desk.session.request("r2", "m", {});
    expect(desk.say(desk.response("r2"))).toEqual(closedWith("RESPONSE_UNVERIFIED"));
  });

  it("sealed before one that came while both were in flight is fine", () => {
    const desk = Desk.open();
    desk.sealer.times.push("2026-01-01T00:00:02.000Z", "2026-01-01T00:00:01.000Z");
    desk.session.request("r1", "m", {});
    desk.session.request("r2", "m", {});
    expect(desk.say(desk.response("r1"), desk.response("r2"))).toMatchObject([
      { type: "response" },
      { type: "response" },
    ]);
  });

  it("of another cell than the ones before is caught", () => {
    const desk = Desk.open();
    desk.session.request("r1", "m", {});
    desk.say(desk.response("r1"));
    desk.session.request("r2", "m", {});
    const other = new Desk({}, new MemorySealer("other-cell"));
    expect(desk.say(other.response("r2"))).toEqual(closedWith("RESPONSE_UNVERIFIED"));
  });

  it.each([
    ["without a status", { a: 1 }],
    ["with an unknown status", { status: "fine" }],
    ["that is refused without a reason", { status: "refused", code: "X" }],
  ])("with an outcome %s ends the session", (_, outcome) => {
    const desk = Desk.open();
    desk.session.request("r1", "m", {});
    const sealed = desk.response("r1").replace('{"status":"ok"}', encode(outcome));
    expect(desk.say(sealed)).toEqual(closedWith("PROTOCOL_VIOLATION"));
  });

  it("that says it could not be sealed fails its request and no other", () => {
    const desk = Desk.open();
    desk.session.request("r1", "m", {});
    desk.session.request("r2", "m", {});
    const outcome = encode({ status: "blocked", code: "SEAL_FAILED", reason: "disk full" });
    const unsealed = { canonicalWitness: "", witnessHash: "", quintet: [] };
    expect(desk.say(responseText("r1", outcome, unsealed), desk.response("r2"))).toMatchObject([
      { type: "failed", requestId: "r1", error: { code: "SEAL_FAILED", message: "disk full" } },
      { type: "response", response: { requestId: "r2" } },
    ]);
  });

  it("must be signed by all five contexts where keys are given", () => {
    const pairs = CONTEXTS.map((context) => [context, generateKeyPair()] as const);
    const keys = federationKeys(pairs.map(([context, { publicKey }]) => [context, publicKey]));
    const identity = { cellId: "test-cell", domainId: "test-domain" };
    const signedBy =
      (contexts: readonly string[]) =>
      (sealed: ResponseSeal): ResponseSeal =>
        pairs.reduce(
          (seal, [context, { privateKey }]) =>
            contexts.includes(context) ? cosign(identity, seal, context, privateKey) : seal,
          sealed as Seal,
        );
    const good = Desk.open({ keys });
    good.session.request("r1", "m", {});
    expect(good.say(good.response("r1", { change: signedBy(CONTEXTS) }))).toMatchObject([
      { type: "response", response: { report: { level: "signed" } } },
    ]);
    const four = Desk.open({ keys });
    four.session.request("r1", "m", {});
    expect(four.say(four.response("r1", { change: signedBy(CONTEXTS.slice(1)) }))).toEqual(
      closedWith("RESPONSE_UNVERIFIED"),
    );
  });
});

describe("requests", () => {
  it(`beyond ${CLIENT_IN_FLIGHT} wait for their turn, unless they are withdrawn`, () => {
    const desk = Desk.open();
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
    const desk = Desk.open();
    expect(() => desk.session.request("r1", "m", args)).toThrow(expect.objectContaining({ code }));
    expect(desk.session.outstanding).toBe(0);
    expect(desk.heard()).toEqual([]);
  });

  it("are refused before the session is open and after its end", () => {
    expect(() => new Desk().session.request("r", "m", {})).toThrow(
      expect.objectContaining({ code: "CLOSED" }),
    );
    const desk = Desk.open();
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
      const desk = isOpen ? Desk.open() : new Desk();
      const events = said.flatMap((text) => desk.say(text));
      expect(events.filter((event) => event.type === "closed").length).toBeLessThanOrEqual(1);
    }),
  );
});

it("limits frames to 4 KiB before the handshake is accepted", () => {
  const desk = new Desk();
  desk.session.receive(encodeFrame(`"${"x".repeat(5000)}"`));
  expect(desk.session.next()).toMatchObject({ error: { code: "FRAME_TOO_LARGE" } });
});

function withEntry(seal: ResponseSeal, entry: string): ResponseSeal {
  return { ...seal, quintet: [entry, ...seal.quintet.slice(1)] };
}

function upperCaseHash(seal: ResponseSeal): ResponseSeal {
  return { ...seal, witnessHash: seal.witnessHash.toUpperCase() };
}

function otherTable(seal: ResponseSeal): ResponseSeal {
  const { canonicalWitness } = seal;
  return {
    ...seal,
    canonicalWitness: canonicalWitness.replace("franklin_commands", "research_telemetry"),
  };
}

function cycle(): unknown {
  const value: { self?: unknown } = {};
  value.self = value;
  return value;
}

function nested(levels: number): unknown {
  return levels === 0 ? 0 : [nested(levels - 1)];
}
