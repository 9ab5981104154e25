import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TestHost } from "./host.testing.js";
import {
  decodeMembership,
  encodeMembership,
  MEMBERSHIP_SUBPROTOCOL,
  type MembershipMessage,
  type MembershipReason,
} from "./membership-message.js";
import { bytesOf, hexOf, vectors } from "./vectors.testing.js";

const { messages, reactions, subprotocol_id } = vectors.membership;
const REASONS: readonly MembershipReason[] = [
  "ok",
  "unauthorized",
  "unknown_channel",
  "rate_limited",
  "too_many_channels",
];

function messageOf(vector: (typeof messages)[number]): MembershipMessage {
  const nonce = BigInt(vector.nonce);
  const { kind, channel = "", accepted = false, reason_byte = 0 } = vector;
  if (kind === "ack") return { kind, nonce, accepted, reason: REASONS[reason_byte] ?? "ok" };
  if (kind === "unsubscribe") return { kind, nonce, channel };
  return {
    kind,
    nonce,
    channel,
    ...(vector.token ? { token: bytesOf(vector.token) } : {}),
    ...(vector.queue_group ? { queueGroup: vector.queue_group } : {}),
  };
}

const nameArbitrary = fc.stringMatching(/^[a-z0-9_-]{1,40}(\/[a-z0-9_-]{1,20}){0,3}$/);
const nonceArbitrary = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const groupArbitrary = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 });
const messageArbitrary: fc.Arbitrary<MembershipMessage> = fc.oneof(
  fc.record(
    {
      kind: fc.constant("subscribe" as const),
      nonce: nonceArbitrary,
      channel: nameArbitrary,
      token: fc.uint8Array({ minLength: 1, maxLength: 400 }),
      queueGroup: groupArbitrary,
    },
    { requiredKeys: ["kind", "nonce", "channel"] },
  ),
  fc.record({
    kind: fc.constant("unsubscribe" as const),
    nonce: nonceArbitrary,
    channel: nameArbitrary,
  }),
  fc.record({
    kind: fc.constant("ack" as const),
    nonce: nonceArbitrary,
    accepted: fc.boolean(),
    reason: fc.constantFrom(...REASONS),
  }),
);

describe("a membership message", () => {
  it("travels on the subprotocol of Net", () => {
    expect(MEMBERSHIP_SUBPROTOCOL).toBe(subprotocol_id);
  });

  it.each(messages)("$bytes is written and read as in Net", (vector) => {
    const message = messageOf(vector);
    expect(hexOf(encodeMembership(message))).toBe(vector.bytes);
    expect(decodeMembership(bytesOf(vector.bytes))).toEqual(message);
  });

  it.each(reactions)("$label gets the answer of Net, or none", ({ frames, acks }) => {
    const test = new TestHost();
    test.host.registry.register("q");
    const answers = frames.flatMap((frame) => test.receive(7n, bytesOf(frame)) ?? []);
    expect(answers.map(hexOf).toSorted()).toEqual(acks.toSorted());
  });

  it("comes back as it was written", () => {
    fc.assert(
      fc.property(messageArbitrary, (message) => {
        expect(decodeMembership(encodeMembership(message))).toEqual(message);
      }),
    );
  });

  it("is dropped when it is cut anywhere but after the name or token, or when a byte follows", () => {
    fc.assert(
      fc.property(messageArbitrary, fc.nat(), fc.nat(255), (message, at, extra) => {
        const bytes = encodeMembership(message);
        const cut = decodeMembership(bytes.subarray(0, at % bytes.length));
        if (cut !== undefined) {
          // Only a Subscribe has fields that may be missing, and those left are whole.
          expect(message.kind).toBe("subscribe");
          expect(cut).toMatchObject({ kind: "subscribe", nonce: message.nonce });
        }
        const longer = new Uint8Array([...bytes, extra]);
        const read = decodeMembership(longer);
        if (message.kind !== "subscribe" || message.queueGroup !== undefined) {
          expect(read).toBeUndefined();
        } else if (read !== undefined) {
          expect(extra).toBe(0);
          expect(read).toEqual(message);
        }
      }),
    );
  });

  it("is read from any bytes without an error, and what is read can be written", () => {
    const nearly = fc
      .tuple(messageArbitrary, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
      .map(([message, changes]) => {
        const bytes = encodeMembership(message);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(nearly, fc.uint8Array({ maxLength: 300 })), (bytes) => {
        const message = decodeMembership(bytes);
        if (message === undefined) return;
        expect(decodeMembership(encodeMembership(message))).toEqual(message);
      }),
      { numRuns: 1_000 },
    );
  });

  it("does not change with the datagram it was read from", () => {
    const bytes = encodeMembership({
      kind: "subscribe",
      nonce: 1n,
      channel: "q",
      token: new Uint8Array(169).fill(5),
    });
    const message = decodeMembership(bytes);
    bytes.fill(0);
    expect(message).toMatchObject({ token: new Uint8Array(169).fill(5) });
  });

  it("cannot be written with a wrong name, group or token", () => {
    const subscribe = { kind: "subscribe", nonce: 1n, channel: "q" } as const;
    const cases = [
      [{ ...subscribe, channel: "Q" }, "NAME"],
      [{ ...subscribe, queueGroup: "" }, "QUEUE_GROUP"],
      [{ ...subscribe, queueGroup: "é".repeat(128) }, "QUEUE_GROUP"],
      [{ ...subscribe, queueGroup: "\ud800" }, "QUEUE_GROUP"],
      [{ ...subscribe, token: new Uint8Array(65_536) }, "RANGE"],
    ] as const;
    for (const [message, code] of cases) {
      expect(() => encodeMembership(message)).toThrow(expect.objectContaining({ code }));
    }
  });
});
