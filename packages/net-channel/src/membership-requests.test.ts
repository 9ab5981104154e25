import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { publisher, subscriber, tokenOf } from "./host.testing.js";
import { type AckMessage, decodeMembership } from "./membership-message.js";
import {
  MembershipRequests,
  type MembershipRequestsOptions,
  noSession,
} from "./membership-requests.js";
import { vectors } from "./vectors.testing.js";

const { ack_to_python, client_errors } = vectors.membership;
const to = publisher.nodeId;
const textOf = (python: string | null): string | undefined =>
  python?.replace(/^(ChannelAuthError|ChannelError): /, "");

function requests(options: Partial<MembershipRequestsOptions> = {}): MembershipRequests {
  let next = 0;
  return new MembershipRequests({
    randomBytes: (length) => new Uint8Array(length).fill(next++),
    ...options,
  });
}
const ackOf = (nonce: bigint, overrides: Partial<AckMessage> = {}): AckMessage => ({
  kind: "ack",
  nonce,
  accepted: true,
  reason: "ok",
  ...overrides,
});

describe("a request", () => {
  it("is a message of the wire that carries the token and its parents", () => {
    const pending = requests();
    const parent = tokenOf(publisher, subscriber, { nonce: 9n });
    const token = tokenOf(subscriber, subscriber);
    const { bytes, bareBytes, nonce } = pending.subscribe(
      { publisher: to, channel: "gated", token, parents: [parent], queueGroup: "g" },
      0,
    );
    expect(decodeMembership(bytes)).toEqual({
      kind: "subscribe",
      nonce,
      channel: "gated",
      token: new Uint8Array([...token.bytes, ...parent.bytes]),
      queueGroup: "g",
    });
    // Net 0.19.0 takes one token, so a session with it gets no parents.
    expect(decodeMembership(bareBytes)).toEqual({
      kind: "subscribe",
      nonce,
      channel: "gated",
      token: token.bytes,
      queueGroup: "g",
    });
    const leave = pending.unsubscribe(to, "gated", 0);
    expect(leave.bareBytes).toEqual(leave.bytes);
    expect(decodeMembership(leave.bytes)).toEqual({
      kind: "unsubscribe",
      nonce: leave.nonce,
      channel: "gated",
    });
    expect(leave.nonce).not.toBe(nonce);
  });

  it.each(ack_to_python.filter(({ no_ack }) => no_ack !== true))(
    "that is answered with $accepted and reason $reason_byte ends as in Net",
    ({ accepted, reason_byte = 0, python }) => {
      const pending = requests();
      const { nonce } = pending.subscribe({ publisher: to, channel: "raw/ch" }, 0);
      const bytes = new Uint8Array(11);
      bytes[0] = 2;
      new DataView(bytes.buffer).setBigUint64(1, nonce, true);
      bytes[9] = accepted ?? 0;
      bytes[10] = reason_byte;
      const ack = decodeMembership(bytes);
      expect(ack?.kind).toBe("ack");
      if (ack?.kind !== "ack") return;
      const outcome = pending.acknowledge(to, ack);
      expect(outcome).toMatchObject({ nonce, publisher: to, channel: "raw/ch" });
      expect(outcome?.error?.message).toBe(textOf(python));
      expect(pending.acknowledge(to, ack)).toBeUndefined();
    },
  );

  it("ends after five seconds without an answer, as in Net", () => {
    const text = textOf(ack_to_python.find(({ no_ack }) => no_ack === true)?.python ?? null);
    const pending = requests();
    pending.subscribe({ publisher: to, channel: "raw/ch" }, 100);
    expect(pending.tick(5_099).expired).toEqual([]);
    expect(pending.tick(5_100).expired.map(({ error }) => error?.message)).toEqual([text]);
    expect(pending.size).toBe(0);
    expect(pending.deadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it("is sent again while there is no answer, once at each of its times", () => {
    const pending = requests({ resendAfterMs: [100, 300], timeoutMs: 1_000 });
    const { bytes, nonce } = pending.subscribe({ publisher: to, channel: "a" }, 0);
    const sent: number[] = [];
    for (let now = 0; now < 1_000; now = pending.deadline()) {
      for (const again of pending.tick(now).resend) {
        expect(again.bytes).toEqual(bytes);
        sent.push(now);
      }
    }
    expect(sent).toEqual([100, 300]);
    expect(pending.acknowledge(to, ackOf(nonce))?.error).toBeUndefined();
  });

  it("is sent once by a tick that comes late, and never when it is told so", () => {
    const late = requests({ resendAfterMs: [100, 300], timeoutMs: 1_000 });
    late.subscribe({ publisher: to, channel: "a" }, 0);
    expect(late.tick(500).resend).toHaveLength(1);
    expect(late.tick(500).resend).toHaveLength(0);
    expect(late.deadline()).toBe(1_000);
    const once = requests({ resendAfterMs: [] });
    once.subscribe({ publisher: to, channel: "a" }, 0);
    expect(once.deadline()).toBe(5_000);
  });

  it("is not answered by another node, or under another nonce", () => {
    const pending = requests();
    const { nonce } = pending.subscribe({ publisher: to, channel: "a" }, 0);
    expect(pending.acknowledge(to + 1n, ackOf(nonce))).toBeUndefined();
    expect(pending.acknowledge(to, ackOf(nonce + 1n))).toBeUndefined();
    expect(pending.size).toBe(1);
  });

  it("ends when the session with the publisher does", () => {
    const pending = requests();
    pending.subscribe({ publisher: to, channel: "a" }, 0);
    pending.subscribe({ publisher: to + 1n, channel: "a" }, 0);
    expect(pending.abandon(to).map(({ error }) => error?.code)).toEqual(["NO_SESSION"]);
    expect(pending.size).toBe(1);
    const text = client_errors.find(({ call }) => call === "no session")?.result ?? null;
    expect(noSession(0x3039n).message).toBe(textOf(text));
  });

  it("is refused with a bad name, as in Net, before anything is sent", () => {
    const pending = requests();
    const text = client_errors.find(({ call }) => call === "bad name")?.result ?? null;
    const name = /character '(.)'/.exec(text ?? "")?.[1] ?? "";
    expect(() => pending.subscribe({ publisher: to, channel: name }, 0)).toThrow(textOf(text));
    expect(() => pending.unsubscribe(to, name, 0)).toThrow(textOf(text));
    expect(() => pending.subscribe({ publisher: to, channel: "a", queueGroup: "" }, 0)).toThrow(
      expect.objectContaining({ code: "QUEUE_GROUP" }),
    );
    expect(pending.size).toBe(0);
  });

  it("waits beside no more others than may", () => {
    const pending = requests({ maxPending: 1 });
    pending.subscribe({ publisher: to, channel: "a" }, 0);
    expect(() => pending.unsubscribe(to, "a", 0)).toThrow(
      expect.objectContaining({ code: "BUSY" }),
    );
  });

  it("takes another nonce when the random bytes repeat", () => {
    const pending = requests({ randomBytes: (length) => new Uint8Array(length).fill(255) });
    const nonces = [1, 2, 3].map(() => pending.unsubscribe(to, "a", 0).nonce);
    expect(new Set(nonces).size).toBe(3);
  });

  it("ends exactly once, whatever comes in whatever order", () => {
    const step = fc.record({
      after: fc.nat(3_000),
      what: fc.constantFrom("subscribe", "ack", "strange ack", "abandon"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const pending = requests();
        const open = new Set<bigint>();
        let now = 0;
        const close = (outcomes: readonly { nonce: bigint }[]): void => {
          for (const { nonce } of outcomes) expect(open.delete(nonce)).toBe(true);
        };
        for (const { after, what } of steps) {
          now += after;
          close(pending.tick(now).expired);
          expect(pending.deadline()).toBeGreaterThan(now);
          const [oldest = 0n] = open;
          if (what === "subscribe") {
            open.add(pending.subscribe({ publisher: to, channel: "a" }, now).nonce);
          } else if (what === "abandon") {
            close(pending.abandon(to));
          } else {
            const from = what === "ack" ? to : to + 1n;
            const outcome = pending.acknowledge(from, ackOf(oldest));
            if (outcome !== undefined) close([outcome]);
          }
          expect(pending.size).toBe(open.size);
        }
      }),
    );
  });
});
