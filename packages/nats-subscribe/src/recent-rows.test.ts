import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RecentRows } from "./recent-rows.js";
import { markOfTexts, type RowMark } from "./row-mark.js";

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

interface Parts {
  readonly witnessHash: string;
  readonly pathFacet: string;
  readonly tauFacet: string;
  readonly seq: number;
  readonly broadcastAfterMs: number | null;
}

function markOf(parts: Partial<Parts> = {}): RowMark {
  const { witnessHash = hashOf("w"), pathFacet = hashOf("p"), tauFacet = hashOf("t") } = parts;
  const { seq = 1, broadcastAfterMs = 0 } = parts;
  return markOfTexts([witnessHash, pathFacet, tauFacet], seq, broadcastAfterMs);
}

describe("the rows delivered lately", () => {
  it("tell a row again from one that differs in anything", () => {
    const rows = new RecentRows(16);
    expect(rows.add(markOf())).toBe(true);
    expect(rows.add(markOf())).toBe(false);
    const others: readonly Partial<Parts>[] = [
      { witnessHash: hashOf("other") },
      { pathFacet: hashOf("other") },
      { tauFacet: hashOf("other") },
      { seq: 2 },
      { seq: 2 ** 32 + 1 },
      { broadcastAfterMs: null },
      { broadcastAfterMs: -1 },
    ];
    for (const other of others) {
      expect(rows.has(markOf(other))).toBe(false);
      expect(rows.add(markOf(other))).toBe(true);
      expect(rows.has(markOf(other))).toBe(true);
    }
    expect(rows.has(markOf())).toBe(true);
  });

  it("are as many as were asked for, the latest ones", () => {
    fc.assert(
      fc.property(fc.nat({ max: 9 }), fc.array(fc.nat({ max: 20 })), (most, seqs) => {
        const rows = new RecentRows(most);
        const expected: number[] = [];
        for (const seq of seqs) {
          const isNew = !expected.includes(seq);
          // Rows whose hashes begin alike fall together in the table.
          const witnessHash = `0000000${seq % 3}${hashOf(String(seq)).slice(8)}`;
          expect(rows.has(markOf({ seq, witnessHash }))).toBe(!isNew);
          expect(rows.add(markOf({ seq, witnessHash }))).toBe(isNew);
          if (isNew) expected.push(seq);
          while (expected.length > most) expected.shift();
        }
      }),
      { numRuns: 500 },
    );
  });
});
