import { decode, encode } from "@gaiaftcl/canonical-json";
import {
  decodeHex,
  encodeBase64,
  encodeHex,
  parsePublicKey,
  privateKeyFromSeed,
  sign,
} from "@gaiaftcl/witness/ed25519";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import vectors from "../vectors/socket.json" with { type: "json" };
import { alice, bob, type Message, operators } from "./cell.testing.js";
import { encodeFrame, encodeFrames, FRAME_BYTES, FrameDecoder } from "./frame.js";
import { FranklinError } from "./franklin-error.js";
import { limitsFrom } from "./limits.js";
import { handshakeText } from "./message.js";
import type { Operators } from "./operators.js";
import { type ServerEvent, ServerSession } from "./server-session.js";

const challenge = new Uint8Array(32).fill(7);
const limits = limitsFrom({ inFlight: 4 });

/** A session at time 0 and what its peer sees. */
class Desk {
  operators: Operators = operators("alice");
  readonly session: ServerSession;
  readonly #peer = new FrameDecoder(FRAME_BYTES);
  now = 0;

  constructor(own: Uint8Array = challenge) {
    this.session = new ServerSession({
      challenge: own,
      operators: () => this.operators,
      limits,
      now: 0,
    });
  }

  static accepted(): Desk {
    const desk = new Desk();
    desk.receive(encodeFrame(handshakeText("alice", signature(alice.privateKey))));
    desk.sent();
    return desk;
  }

  receive(bytes: Uint8Array): ServerEvent[] {
    this.session.receive(bytes);
    return this.events();
  }

  events(): ServerEvent[] {
    const events: ServerEvent[] = [];
    for (let event = this.session.next(this.now); event; event = this.session.next(this.now)) {
      events.push(event);
    }
    return events;
  }

  ask(...requests: readonly unknown[]): ServerEvent[] {
    return this.receive(encodeFrames(requests.map((request) => encode(request))));
  }

  sent(): Message[] {
    this.#peer.push(this.session.takeOutput() ?? new Uint8Array());
    const messages: Message[] = [];
    for (let frame = this.#peer.next(); frame; frame = this.#peer.next()) {
      messages.push(decode(frame) as Message);
    }
    return messages;
  }
}

function signature(key = alice.privateKey, bytes: Uint8Array = challenge): string {
  return encodeBase64(sign(key, bytes));
}

const ask = (id: unknown, method: unknown = "replay_session", args: unknown = {}): unknown => ({
  request_id: id,
  method,
  args,
});

const closedWith = (code: string): unknown => [
  { type: "closed", error: expect.objectContaining({ code }) },
];

describe("the handshake", () => {
  it("matches the vectors byte for byte", () => {
    const { handshake } = vectors;
    const desk = new Desk(decodeHex(handshake.challenge_hex));
    desk.operators = new Map([
      [
        "operator-alpha",
        { context: "operator-alpha", publicKey: parsePublicKey(handshake.operator_public) },
      ],
    ]);
    expect(encodeHex(desk.session.takeOutput() ?? new Uint8Array())).toBe(
      vectors.frames[0]?.frame_hex,
    );
    const key = privateKeyFromSeed(decodeHex(handshake.operator_seed));
    const reply = encodeFrame(
      handshakeText("operator-alpha", signature(key, decodeHex(handshake.challenge_hex))),
    );
    expect(encodeHex(reply)).toBe(handshake.reply_frame_hex);
    expect(desk.receive(reply)).toMatchObject([{ type: "accepted" }]);
    expect(desk.sent()).toEqual([{ accepted: true }]);
  });

  it("takes a handshake written in another order and with spaces", () => {
    const desk = new Desk();
    const loose = `{ "signature": "${signature()}",\n "operator_context": "alice", "op": "handshake" }`;
    expect(desk.receive(encodeFrame(loose))).toMatchObject([{ type: "accepted" }]);
  });

  it.each([
    ["a signature by another key", handshakeText("alice", signature(bob.privateKey))],
    [
      "a signature of another challenge",
      handshakeText("alice", signature(alice.privateKey, new Uint8Array(32).fill(8))),
    ],
    ["a signature in base64url", handshakeText("alice", signature().replaceAll("+", "-"))],
    ["a signature without padding", handshakeText("alice", signature().replace(/=+$/, ""))],
    ["a signature of 63 bytes", handshakeText("alice", encodeBase64(new Uint8Array(63)))],
    ["an empty signature", handshakeText("alice", "")],
  ])("refuses %s", (_, text) => {
    const desk = new Desk();
    desk.sent();
    expect(desk.receive(encodeFrame(text))).toEqual(closedWith("SIGNATURE_INVALID"));
    expect(desk.sent()).toEqual([
      { accepted: false, reason: expect.stringMatching(/^SIGNATURE_INVALID: /) },
    ]);
  });

  it.each([
    ["a request before it", ask("r1"), "ANONYMOUS"],
    ["another op", { op: "hello", operator_context: "alice", signature: "" }, "ANONYMOUS"],
    ["no signature", { op: "handshake", operator_context: "alice" }, "ANONYMOUS"],
    ["a bare value", 7, "ANONYMOUS"],
    [
      "an operator nobody knows",
      { op: "handshake", operator_context: "mallory", signature: signature() },
      "OPERATOR_UNKNOWN",
    ],
    [
      "a name every object has",
      { op: "handshake", operator_context: "constructor", signature: signature() },
      "OPERATOR_UNKNOWN",
    ],
  ])("refuses %s", (_, message, code) => {
    const desk = new Desk();
    expect(desk.ask(message)).toEqual(closedWith(code));
  });

  it("refuses duplicate keys, whichever of them would be right", () => {
    const desk = new Desk();
    const text = `{"op":"handshake","operator_context":"mallory","operator_context":"alice","signature":"${signature()}"}`;
    expect(desk.receive(encodeFrame(text))).toEqual(closedWith("FRAME_INVALID"));
  });

  it("allows one attempt: a good handshake after a bad one is not read", () => {
    const desk = new Desk();
    const bad = handshakeText("alice", signature(bob.privateKey));
    const good = handshakeText("alice", signature());
    expect(desk.receive(encodeFrames([bad, good]))).toEqual(closedWith("SIGNATURE_INVALID"));
    expect(desk.receive(encodeFrame(good))).toEqual([]);
  });

  it("allows frames of 4 KiB before it and of 16 MiB after", () => {
    const desk = new Desk();
    expect(desk.receive(new Uint8Array([0, 0, 16, 1]))).toEqual(closedWith("FRAME_TOO_LARGE"));
    const accepted = Desk.accepted();
    expect(accepted.receive(new Uint8Array([1, 0, 0, 0]))).toEqual([]);
    const other = Desk.accepted();
    expect(other.receive(new Uint8Array([1, 0, 0, 1]))).toEqual(closedWith("FRAME_TOO_LARGE"));
  });

  it("must be over within 5 s, whatever trickles in", () => {
    const desk = new Desk();
    expect(desk.session.deadline).toBe(5000);
    desk.now = 4999;
    desk.receive(new Uint8Array([0, 0]));
    expect(desk.session.deadline).toBe(5000);
    desk.session.elapse(5000);
    expect(desk.events()).toEqual(closedWith("HANDSHAKE_TIMEOUT"));
  });

  it("may be followed by requests in the same bytes", () => {
    const desk = new Desk();
    const texts = [handshakeText("alice", signature()), encode(ask("r1"))];
    expect(desk.receive(encodeFrames(texts))).toMatchObject([
      { type: "accepted" },
      { type: "request", request: { requestId: "r1" } },
    ]);
  });
});

describe("requests", () => {
  it("come out as they were sent, in any order of keys", () => {
    const desk = Desk.accepted();
    expect(desk.ask(ask("r é", "m", { a: [1.5, null] }))).toEqual([
      {
        type: "request",
        ticket: 1,
        request: { requestId: "r é", method: "m", args: { a: [1.5, null] } },
      },
    ]);
  });

  it.each([
    ["no method", { request_id: "r", args: {} }, "BAD_REQUEST", "", {}],
    ["a number as method", ask("r", 7), "BAD_REQUEST", "7", {}],
    ["a line break in the method", ask("r", "a\nb"), "BAD_REQUEST", "a\nb", {}],
    ["no args", { request_id: "r", method: "m" }, "BAD_ARGS", "m", null],
    ["an array as args", ask("r", "m", [1]), "BAD_ARGS", "m", [1]],
  ])("with %s are refused but still to be sealed", (_, message, code, method, args) => {
    const desk = Desk.accepted();
    expect(desk.ask(message)).toEqual([
      {
        type: "request",
        ticket: 1,
        request: {
          requestId: "r",
          method,
          args,
          refusal: { status: "refused", code, reason: expect.any(String) },
        },
      },
    ]);
  });

  it.each([
    ["no object", []],
    ["no id", { method: "m", args: {} }],
    ["an empty id", ask("")],
    ["an id of 129 characters", ask("r".repeat(129))],
    ["a control character in the id", ask("r\u0000")],
    ["a number as id", ask(1)],
  ])("with %s end the session, since nothing could be answered", (_, message) => {
    const desk = Desk.accepted();
    expect(desk.ask(message)).toEqual(closedWith("PROTOCOL_VIOLATION"));
    expect(desk.sent()).toEqual([
      { accepted: false, reason: expect.stringMatching(/^PROTOCOL_VIOLATION: /) },
    ]);
  });

  it("with verbs the operator was not granted are refused, and granted at once when that changes", () => {
    const desk = Desk.accepted();
    const only = { context: "alice", publicKey: alice.publicKey, verbs: new Set(["m"]) };
    desk.operators = new Map([["alice", only]]);
    expect(desk.ask(ask("r1", "m"), ask("r2", "replay_session"))).toMatchObject([
      { request: expect.not.objectContaining({ refusal: expect.anything() }) },
      { request: { refusal: { code: "VERB_NOT_ALLOWED" } } },
    ]);
    desk.operators = operators("alice");
    const [event] = desk.ask(ask("r3", "replay_session"));
    expect(event).not.toHaveProperty("request.refusal");
  });

  it("with an id that is in flight are refused as long as it is", () => {
    const desk = Desk.accepted();
    const events = desk.ask(ask("r"), ask("r"));
    expect(events).toMatchObject([
      { ticket: 1 },
      { ticket: 2, request: { refusal: { code: "DUPLICATE_REQUEST_ID" } } },
    ]);
    desk.session.respond(2, "{}", 1);
    expect(desk.ask(ask("r"))).toMatchObject([
      { ticket: 3, request: { refusal: { code: "DUPLICATE_REQUEST_ID" } } },
    ]);
    desk.session.respond(1, "{}", 1);
    const [event] = desk.ask(ask("r"));
    expect(event).not.toHaveProperty("request.refusal");
  });

  it("beyond the limit wait unread until one in flight is answered, and none is lost", () => {
    const desk = Desk.accepted();
    const ids = ["a", "b", "c", "d", "e", "f"];
    const tickets = desk.ask(...ids.map((id) => ask(id))).map((event) => "ticket" in event);
    expect(tickets).toHaveLength(4);
    expect(desk.session.wantsInput).toBe(false);
    // The other side is not to blame for what this side does not read.
    expect(desk.session.deadline).toBeUndefined();
    desk.session.respond(2, '{"request_id":"b"}', 1);
    expect(desk.events()).toMatchObject([{ request: { requestId: "e" } }]);
    desk.session.respond(1, '{"request_id":"a"}', 1);
    desk.session.respond(3, '{"request_id":"c"}', 1);
    expect(desk.events()).toMatchObject([{ request: { requestId: "f" } }]);
    expect(desk.sent().map((message) => message["request_id"])).toEqual(["b", "a", "c"]);
    expect(desk.session.inFlight).toBe(3);
  });

  it("with many bytes count by their bytes as well", () => {
    const own = limitsFrom({ inFlightBytes: 1000 });
    const session = new ServerSession({
      challenge,
      operators: () => operators("alice"),
      limits: own,
      now: 0,
    });
    const texts = [1, 2].map((id) => encode(ask(`r${id}`, "m", { a: "x".repeat(2000) })));
    session.receive(encodeFrames([handshakeText("alice", signature()), ...texts]));
    expect(session.next(0)).toMatchObject({ type: "accepted" });
    expect(session.next(0)).toMatchObject({ ticket: 1 });
    expect(session.next(0)).toBeUndefined();
    session.respond(1, "{}", 0);
    expect(session.next(0)).toMatchObject({ ticket: 2 });
  });
});

describe("time", () => {
  it("ends a session that begins a frame and does not go on at the minimum rate", () => {
    const desk = Desk.accepted();
    desk.now = 1000;
    desk.receive(new Uint8Array([0, 0, 255, 0]));
    expect(desk.session.deadline).toBeCloseTo(1000 + 5000 + (4 * 1000) / 1024);
    desk.now = 3000;
    desk.receive(new Uint8Array(2044));
    expect(desk.session.deadline).toBeCloseTo(1000 + 5000 + 2000);
    desk.session.elapse(7999);
    expect(desk.events()).toEqual([]);
    desk.session.elapse(8000);
    expect(desk.events()).toEqual(closedWith("FRAME_SLOW"));
  });

  it("gives each frame its own", () => {
    const desk = Desk.accepted();
    const frame = encodeFrame(encode(ask("r1")));
    desk.receive(frame.subarray(0, 5));
    desk.now = 4000;
    const both = Buffer.concat([frame.subarray(5), frame.subarray(0, 5)]);
    expect(desk.receive(both)).toHaveLength(1);
    expect(desk.session.deadline).toBeCloseTo(4000 + 5000 + (5 * 1000) / 1024);
  });

  it("stands still while this side reads nothing", () => {
    const desk = Desk.accepted();
    desk.receive(new Uint8Array([0, 0, 1, 0]));
    desk.session.hold();
    expect(desk.session.deadline).toBeUndefined();
    expect(desk.session.wantsInput).toBe(false);
    desk.session.release(100_000);
    expect(desk.session.deadline).toBeGreaterThan(105_000);
  });

  it("ends a session that asks nothing, but not while something is in flight", () => {
    const desk = Desk.accepted();
    expect(desk.session.deadline).toBe(limits.idleMs);
    desk.now = 10;
    desk.ask(ask("r1"));
    expect(desk.session.deadline).toBeUndefined();
    desk.session.respond(1, "{}", 50);
    expect(desk.session.deadline).toBe(50 + limits.idleMs);
    desk.session.elapse(50 + limits.idleMs);
    expect(desk.events()).toEqual(closedWith("IDLE"));
  });
});

describe("the end", () => {
  it("comes once, with the reason for the peer, and after it nothing is read or sent", () => {
    const desk = Desk.accepted();
    desk.ask(ask("r1"));
    desk.session.close(new FranklinError("CLOSED", "good night"));
    expect(desk.events()).toEqual(closedWith("CLOSED"));
    expect(desk.sent()).toEqual([{ accepted: false, reason: "CLOSED: good night" }]);
    desk.session.respond(1, "{}", 1);
    expect(desk.ask(ask("r2"))).toEqual([]);
    expect(desk.sent()).toEqual([]);
    expect(desk.session.inFlight).toBe(0);
    expect(desk.session.deadline).toBeUndefined();
  });

  it("comes for an operator who is gone or has another key, not for one who stayed", () => {
    const desk = Desk.accepted();
    desk.session.recheckOperator();
    expect(desk.events()).toEqual([]);
    desk.operators = new Map([["alice", { context: "alice", publicKey: bob.publicKey }]]);
    desk.session.recheckOperator();
    expect(desk.events()).toEqual(closedWith("OPERATOR_UNKNOWN"));
  });
});

it("meets garbage before and after the handshake without throwing", () => {
  const json = fc.json({ maxDepth: 4 }).map((text) => encodeFrame(text));
  const chunk = fc.oneof(fc.uint8Array({ maxLength: 40 }), json);
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 12 }), fc.boolean(), (chunks, isAccepted) => {
      const desk = isAccepted ? Desk.accepted() : new Desk();
      const ends = chunks.flatMap((bytes) => desk.receive(bytes));
      expect(ends.filter((event) => event.type === "closed").length).toBeLessThanOrEqual(1);
    }),
  );
});

it("takes challenges of 32 bytes only", () => {
  expect(() => new Desk(new Uint8Array(31))).toThrow(
    expect.objectContaining({ code: "OPTION_INVALID" }),
  );
});
