import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { addHistograms, blockHeader, measure, type NonceRange } from "./measurement.js";
import { qc020 } from "./substrate.testing.js";

describe("a measurement", () => {
  it.each(qc020.rows)("gives the published result of extranonce $cursor_extranonce", (row) => {
    const result = measure({
      seedHex: qc020.session_seed_hex,
      extranonce: row.cursor_extranonce,
      nonceStart: row.nonce_start,
      nonceCount: row.nonce_count,
    });
    expect(result).toMatchObject({
      leadingZeroNibbleCount: row.leading_zero_nibble_count,
      bestNonce: row.best_nonce,
      bestHashHex: row.best_hash_hex,
      histogram: row.histogram,
    });
    expect(addHistograms(result.halves)).toEqual(row.histogram);
  });

  it("hashes 80-byte headers that differ in the nonce only", () => {
    const range = rangeOf({ extranonce: 0x01020304 });
    const header = blockHeader(range);
    expect(header).toHaveLength(80);
    expect(header.toString("hex")).toMatch(/^00000020.{128}00f15365ffff001d00000000$/);
    expect(blockHeader({ ...range, extranonce: 5 }).subarray(36, 68)).not.toEqual(
      header.subarray(36, 68),
    );
  });

  it("agrees with a plain computation at the ends of the nonce range", () => {
    const range = rangeOf({ nonceStart: 0xffffffff - 40, nonceCount: 41 });
    const shown = Array.from({ length: range.nonceCount }, (_, index) => {
      const header = blockHeader(range);
      header.writeUInt32LE(range.nonceStart + index, 76);
      return sha256(sha256(header)).reverse().toString("hex");
    });
    const best = shown.toSorted()[0] ?? "";
    const zeros = shown.map((hash) => /^0*/.exec(hash)?.[0].length ?? 0);
    const result = measure(range);
    expect(result.bestHashHex).toBe(best);
    expect(result.bestNonce).toBe(range.nonceStart + shown.indexOf(best));
    expect(result.leadingZeroNibbleCount).toBe(Math.max(...zeros));
    expect(result.histogram).toEqual(
      Array.from({ length: Math.max(...zeros) + 1 }, (_, k) => zeros.filter((n) => n === k).length),
    );
  });

  it("puts the middle nonce of an odd count into the second half", () => {
    const { halves } = measure(rangeOf({ nonceCount: 3 }));
    expect(halves.map((half) => half.reduce((sum, count) => sum + count, 0))).toEqual([1, 2]);
  });

  it("measures a single nonce", () => {
    const result = measure(rangeOf({ nonceStart: 7, nonceCount: 1 }));
    expect(result.bestNonce).toBe(7);
    expect(result.halves[0]).toEqual([]);
  });

  it("reports each nonce once", () => {
    const reports: number[] = [];
    measure(rangeOf({ nonceCount: 20_000 }), (count) => reports.push(count));
    expect(reports).toEqual([8192, 8192, 3616]);
  });
});

function rangeOf(change: Partial<NonceRange>): NonceRange {
  return { seedHex: "5a".repeat(32), extranonce: 0, nonceStart: 0, nonceCount: 16, ...change };
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
