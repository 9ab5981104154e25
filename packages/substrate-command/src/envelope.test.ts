import { encode } from "@gaiaftcl/canonical-json";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type CommandRequest,
  openReply,
  openRequest,
  opensCancellation,
  ReplayWindow,
  SubstrateCommandError,
  sealCancellation,
  sealReply,
  sealRequest,
} from "./index.js";

const key = new Uint8Array(32).fill(7);
const otherKey = new Uint8Array(32).fill(8);
const nonce = "00112233445566778899aabbccddeeff";
const request: CommandRequest = {
  method: "replay_session",
  args: { session_id: "s-1" },
  requestId: "r-1",
  operatorContext: "operator",
  issuedAtMs: 1_700_000_000_000,
  nonce,
};

describe("a forwarded command", () => {
  it("opens under the same key and says what was sent", () => {
    expect(openRequest(key, sealRequest(key, request))).toEqual({ ok: true, request });
  });

  it("does not open under another key", () => {
    expect(openRequest(otherKey, sealRequest(key, request)).ok).toBe(false);
  });

  it("does not open as a reply, nor a reply as a command", () => {
    expect(openReply(key, nonce, sealRequest(key, request)).ok).toBe(false);
    expect(openRequest(key, sealReply(key, nonce, { status: "ok" })).ok).toBe(false);
  });

  it("does not open when any byte was changed", () => {
    const bytes = sealRequest(key, request);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const changed = bytes.slice();
        changed[at] = (changed[at] ?? 0) ^ mask;
        expect(openRequest(key, changed).ok).toBe(false);
      }),
    );
  });

  it("is refused, not thrown, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(openRequest(key, bytes).ok).toBe(false);
        expect(openReply(key, nonce, bytes).ok).toBe(false);
      }),
    );
  });

  it("is refused without a message authentication code", () => {
    const bytes = new TextEncoder().encode(encode({ method: "replay_session" }));
    expect(openRequest(key, bytes)).toEqual({
      ok: false,
      reason: "no message authentication code",
    });
  });

  it("needs a key of 32 bytes and a nonce of 32 hex digits", () => {
    expect(() => sealRequest(new Uint8Array(16), request)).toThrow(SubstrateCommandError);
    expect(() => sealRequest(key, { ...request, nonce: "A" })).toThrow(SubstrateCommandError);
  });
});

describe("a reply", () => {
  it("opens for the command it answers and for no other", () => {
    const bytes = sealReply(key, nonce, { status: "ok", rows: 4 });
    expect(openReply(key, nonce, bytes)).toEqual({ ok: true, outcome: { status: "ok", rows: 4 } });
    expect(openReply(key, nonce.replace("0", "1"), bytes).ok).toBe(false);
  });
});

describe("a cancellation", () => {
  it("takes back the command it names, under the same key only", () => {
    const bytes = sealCancellation(key, nonce);
    expect(opensCancellation(key, nonce, bytes)).toBe(true);
    expect(opensCancellation(key, nonce.replace("0", "1"), bytes)).toBe(false);
    expect(opensCancellation(otherKey, nonce, bytes)).toBe(false);
    expect(opensCancellation(key, nonce, new Uint8Array())).toBe(false);
    expect(openReply(key, nonce, bytes).ok).toBe(false);
  });
});

describe("the replay window", () => {
  it("admits a command once, and only near its time", () => {
    const window = new ReplayWindow(1_000);
    expect(window.admit("a", 10_000, 10_000)).toBe("admitted");
    expect(window.admit("a", 10_000, 10_500)).toBe("replayed");
    expect(window.admit("b", 10_000, 11_001)).toBe("expired");
    expect(window.admit("c", 12_001, 11_000)).toBe("expired");
  });

  it("never admits a nonce twice, whatever the clocks, and forgets what time refuses", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            nonce: fc.nat(20),
            skew: fc.integer({ min: -500, max: 500 }),
            step: fc.nat(300),
          }),
        ),
        (commands) => {
          const window = new ReplayWindow(400);
          const admitted = new Set<string>();
          const issued = new Map<string, number>();
          let now = 0;
          for (const command of commands) {
            now += command.step;
            const name = String(command.nonce);
            // A recorded command carries the time it was first issued at.
            const at = issued.get(name) ?? now + command.skew;
            issued.set(name, at);
            if (window.admit(name, at, now) === "admitted") {
              expect(admitted.has(name)).toBe(false);
              admitted.add(name);
            }
          }
          expect(window.size).toBeLessThanOrEqual(20);
        },
      ),
    );
  });
});
