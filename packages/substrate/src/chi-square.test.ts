import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ChiSquareTest, chiSquareTail, contingencyTest, geometricTest } from "./chi-square.js";

const P = 15 / 16;

describe("the chi-square law", () => {
  it.each([
    // Percentage points printed in every table of the chi-square distribution.
    [1, 3.841458820694124, 0.05],
    [1, 6.634896601021213, 0.01],
    [2, 5.991464547107979, 0.05],
    [3, 11.344866730144373, 0.01],
    [10, 18.307038053275146, 0.05],
    [100, 124.34211340400407, 0.05],
  ])("with %i degrees of freedom exceeds %f with the probability %f", (degrees, statistic, p) => {
    expect(chiSquareTail(statistic, degrees)).toBeCloseTo(p, 11);
  });

  it("is 2 × 2 what the textbook formula says", () => {
    const test = tested(
      contingencyTest([
        [20, 30],
        [30, 20],
      ]),
    );
    expect(test.statistic).toBeCloseTo((100 * (20 * 20 - 30 * 30) ** 2) / 50 ** 4, 12);
    expect(test.degreesOfFreedom).toBe(1);
    expect(test.pValue).toBeCloseTo(0.04550026389635842, 12);
  });
});

describe("geometricTest", () => {
  it("finds nothing in a histogram that follows the law", () => {
    const test = tested(geometricTest([61_440, 3840, 240, 15, 1], P));
    expect(test.statistic).toBeCloseTo(0, 10);
    expect(test.pValue).toBeCloseTo(1, 10);
  });

  it("pools the tail so that every category is expected five times", () => {
    const test = tested(geometricTest([61_440, 3840, 240, 15, 0, 1], P));
    // 65,536 / 16^3 = 16 ≥ 5, but 65,536 / 16^4 = 1.
    expect(test.degreesOfFreedom).toBe(3);
    expect(test.observed).toEqual([[61_440, 3840, 240, 16]]);
  });

  it("counts categories that were not seen", () => {
    const test = tested(geometricTest([65_536], P));
    expect(test.observed).toEqual([[65_536, 0, 0, 0]]);
    expect(test.pValue).toBe(0);
  });

  it("rejects another law", () => {
    expect(tested(geometricTest([32_768, 16_384, 8192, 8192], P)).pValue).toBeLessThan(1e-12);
  });

  it.each([[[]], [[0]], [[75, 4]]])("says that %j is too little to judge", (histogram) => {
    expect(geometricTest(histogram, P).kind).toBe("inconclusive");
  });

  it("needs 80 observations for two categories", () => {
    expect(geometricTest([75, 5], P).kind).toBe("tested");
  });
});

describe("contingencyTest", () => {
  it("finds nothing in samples of one shape, whatever their sizes", () => {
    const test = tested(
      contingencyTest([
        [100, 50, 10],
        [200, 100, 20],
        [1000, 500, 100],
      ]),
    );
    expect(test.statistic).toBeCloseTo(0, 10);
    expect(test.degreesOfFreedom).toBe(4);
  });

  it("pools rare categories from the last one on", () => {
    const test = tested(
      contingencyTest([
        [900, 90, 3, 1],
        [910, 85, 2],
      ]),
    );
    expect(test.observed).toEqual([
      [900, 94],
      [910, 87],
    ]);
  });

  it("pools a rare category in the middle and at the beginning", () => {
    const test = tested(
      contingencyTest([
        [1, 50, 0, 60],
        [0, 55, 1, 58],
      ]),
    );
    expect(test.observed).toEqual([
      [51, 60],
      [56, 58],
    ]);
  });

  it("leaves out samples without observations", () => {
    const test = tested(contingencyTest([[20, 30], [], [0, 0], [30, 20]]));
    expect(test.observed).toHaveLength(2);
  });

  it.each([
    ["no samples", []],
    ["one sample", [[500, 500]]],
    ["one sample beside empty ones", [[500, 500], [0], []]],
    ["one category", [[500], [400]]],
    [
      "samples too small",
      [
        [3, 1],
        [2, 2],
      ],
    ],
    [
      "a sample too small beside a large one",
      [
        [60_000, 4000],
        [9, 1],
      ],
    ],
  ])("says that %s are too little to judge", (_, samples) => {
    const test = contingencyTest(samples);
    expect(test.kind).toBe("inconclusive");
  });

  it("never gives anything but a statistic of at least 0 and a probability, without losing counts", () => {
    const histogram = fc.array(fc.nat(5000), { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(histogram, { maxLength: 6 }), (samples) => {
        const total = samples.flat().reduce((sum, count) => sum + count, 0);
        for (const test of [contingencyTest(samples), geometricTest(samples[0] ?? [], P)]) {
          if (test.kind === "inconclusive") continue;
          expect(test.statistic).toBeGreaterThanOrEqual(0);
          expect(test.pValue).toBeGreaterThanOrEqual(0);
          expect(test.pValue).toBeLessThanOrEqual(1);
          if (test.observed.length > 1) {
            expect(test.observed.flat().reduce((sum, count) => sum + count, 0)).toBe(total);
          }
        }
      }),
    );
  });

  it("gives p-values in agreement with the closed form for even degrees of freedom", () => {
    const cell = fc.integer({ min: 20, max: 500 });
    fc.assert(
      fc.property(fc.tuple(cell, cell, cell), fc.tuple(cell, cell, cell), (first, second) => {
        const test = tested(contingencyTest([first, second]));
        fc.pre(test.degreesOfFreedom === 2);
        expect(test.pValue).toBeCloseTo(Math.exp(-test.statistic / 2), 10);
      }),
    );
  });
});

function tested(test: ChiSquareTest): Extract<ChiSquareTest, { kind: "tested" }> {
  if (test.kind === "tested") return test;
  throw new Error(test.reason);
}
