import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ensureProducedAt, formatProducedAt, isProducedAt } from "./produced-at.js";

describe("the time of production", () => {
  it.each(["2026-06-01T11:30:00Z", "2024-02-29T23:59:59Z", "0001-01-01T00:00:00Z"])(
    "may be %s",
    (text) => expect(ensureProducedAt(text)).toBe(text),
  );

  it.each([
    "2026-06-01T11:30:00.000Z",
    "2026-06-01T11:30:00+00:00",
    "2026-06-01t11:30:00z",
    "2026-06-01 11:30:00Z",
    "2026-06-01T11:30Z",
    "2026-02-30T00:00:00Z",
    "2025-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-10T00:00:00Z",
    "2026-06-00T00:00:00Z",
    "2026-06-01T24:00:00Z",
    "2026-06-01T23:60:00Z",
    "2026-06-01T23:59:60Z",
    "+002026-06-01T11:30:00Z",
    "2026-06-01T11:30:00Z\n",
    " 2026-06-01T11:30:00Z",
    "２026-06-01T11:30:00Z",
    "",
  ])("may not be %j", (text) => {
    expect(isProducedAt(text)).toBe(false);
    expect(() => ensureProducedAt(text)).toThrow(expect.objectContaining({ code: "PRODUCED_AT" }));
  });

  it("is written in whole seconds, rounded down, and read back", () => {
    const years0to9999 = {
      min: new Date("0000-01-01T00:00:00Z"),
      max: new Date("9999-12-31T23:59:59.999Z"),
    };
    fc.assert(
      fc.property(fc.date({ ...years0to9999, noInvalidDate: true }), (date) => {
        const text = formatProducedAt(date);
        expect(isProducedAt(text)).toBe(true);
        expect(Date.parse(text)).toBe(Math.floor(date.getTime() / 1000) * 1000);
      }),
    );
  });

  it.each([new Date(Number.NaN), new Date("+010000-01-01T00:00:00Z"), new Date(-8.64e15)])(
    "cannot be %s",
    (date) => {
      expect(() => formatProducedAt(date)).toThrow(
        expect.objectContaining({ code: "PRODUCED_AT" }),
      );
    },
  );
});
