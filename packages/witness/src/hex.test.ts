import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeHex, encodeHex } from "./hex.js";
import { refusalOf } from "./refusal.testing.js";

describe("hex", () => {
  it("comes back for all bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(encodeHex(bytes)).toBe(Buffer.from(bytes).toString("hex"));
        expect(decodeHex(encodeHex(bytes))).toEqual(new Uint8Array(bytes));
      }),
    );
  });

  it.each(["A0", "0", "0g", " 00", "00\n", "0x00", "é0"])("refuses %j", (text) => {
    expect(refusalOf(() => decodeHex(text))).toBe("HEX");
  });

  it("has one text for any bytes", () => {
    const near = fc.string({ unit: fc.constantFrom(..."09afAFg \n") });
    fc.assert(
      fc.property(fc.oneof(near, fc.string({ unit: "binary" })), (text) => {
        if (refusalOf(() => decodeHex(text)) === "HEX") return;
        expect(encodeHex(decodeHex(text))).toBe(text);
      }),
    );
  });
});
