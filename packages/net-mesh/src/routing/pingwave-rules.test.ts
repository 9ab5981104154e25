import { describe, expect, it } from "vitest";
import { PingwaveRules } from "./pingwave-rules.js";

const rules = () => new PingwaveRules({ nodeId: 1n, memoryMs: 100 });
const wave = { origin: 9n, sequence: 5n, ttl: 3, hopCount: 0 };

describe("the rules for pingwaves", () => {
  it("take a new wave, record it and send it on", () => {
    expect(rules().judge(wave, true, 0)).toEqual({
      kind: "take",
      metric: 2,
      isNew: true,
      onward: { ttl: 2, hopCount: 1 },
    });
  });

  it("refresh the route on a wave seen before, and do no more", () => {
    const judged = rules();
    judged.judge(wave, true, 0);
    expect(judged.judge({ ...wave, hopCount: 2, ttl: 1 }, true, 1)).toEqual({
      kind: "take",
      metric: 4,
      isNew: false,
      onward: undefined,
    });
  });

  it("send on a copy that goes further than those before now and then only", () => {
    const judged = new PingwaveRules({ nodeId: 1n, memoryMs: 90_000 });
    const sentOn = Array.from({ length: 36 }, (_, beat) => {
      const sequence = BigInt(beat + 1);
      judged.judge({ ...wave, sequence, ttl: 1 }, true, beat * 5000);
      return judged.judge({ ...wave, sequence, ttl: 2 }, true, beat * 5000);
    }).filter((verdict) => verdict.kind === "take" && verdict.isNew);
    expect(sentOn.length).toBeGreaterThanOrEqual(6);
    expect(sentOn.length).toBeLessThanOrEqual(12);
  });

  it("send on a copy that goes further than those before, as it came the shorter way", () => {
    const judged = rules();
    judged.judge({ ...wave, hopCount: 2, ttl: 1 }, true, 0);
    expect(judged.judge({ ...wave, hopCount: 1, ttl: 2 }, true, 1)).toEqual({
      kind: "take",
      metric: 3,
      isNew: true,
      onward: { ttl: 1, hopCount: 2 },
    });
    for (const ttl of [0, 1, 2]) {
      expect(judged.judge({ ...wave, ttl }, true, 2)).toMatchObject({ isNew: false });
    }
    for (const ttl of [200, 100, 200]) {
      judged.judge({ ...wave, sequence: 6n, ttl }, true, 3);
    }
    expect(judged.judge({ ...wave, sequence: 6n, ttl: 90 }, true, 4)).toMatchObject({
      isNew: false,
    });
  });

  it("drop own waves, waves that came too far, and waves of strangers", () => {
    const judged = rules();
    expect(judged.judge({ ...wave, origin: 1n }, true, 0)).toEqual({ kind: "drop" });
    expect(judged.judge({ ...wave, hopCount: 16 }, true, 0)).toEqual({ kind: "drop" });
    expect(judged.judge(wave, false, 0)).toEqual({ kind: "drop" });
    expect(judged.judge({ ...wave, hopCount: 15 }, true, 0)).toMatchObject({ metric: 17 });
  });

  it("send a wave no further when its time to live is used up", () => {
    expect(rules().judge({ ...wave, ttl: 0 }, true, 0)).toMatchObject({
      isNew: true,
      onward: undefined,
    });
  });

  it("know a node that began counting anew, once what it sent before is forgotten", () => {
    const judged = rules();
    judged.judge(wave, true, 0);
    expect(judged.judge(wave, true, 40)).toMatchObject({ isNew: false });
    expect(judged.judge(wave, true, 500)).toMatchObject({ isNew: true });
  });

  it("number own waves from the clock, always upwards", () => {
    const judged = rules();
    expect([1000, 1000, 900, 2000.5].map((clock) => judged.nextSequence(clock))).toEqual([
      1000n,
      1001n,
      1002n,
      2000n,
    ]);
  });
});
