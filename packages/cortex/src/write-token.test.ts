import fc from "fast-check";
import { expect, it } from "vitest";
import { formatWriteToken, parseWriteToken } from "./write-token.js";

it("reads what it has written", () => {
  const u64 = fc.bigInt({ min: 0n, max: 0xffffffffffffffffn });
  fc.assert(
    fc.property(u64, u64, (originHash, seq) => {
      expect(parseWriteToken(formatWriteToken({ originHash, seq }))).toEqual({ originHash, seq });
    }),
  );
});

it.each([
  ["00000000000000AF:5", "00000000000000af:5"],
  ["0000000000000001:+5", "0000000000000001:5"],
  ["0000000000000001:005", "0000000000000001:5"],
  ["ffffffffffffffff:18446744073709551615", "ffffffffffffffff:18446744073709551615"],
])("takes %s for %s, as the reference does", (text, canonical) => {
  expect(formatWriteToken(parseWriteToken(text))).toBe(canonical);
});

it.each([
  ["x", "expected `<origin_hex>:<seq>`"],
  ["", "expected `<origin_hex>:<seq>`"],
  ["xx:1", "origin must be 16 lowercase hex chars"],
  ["a:b:c", "origin must be 16 lowercase hex chars"],
  ["0000000000000000:-1", "seq must be a decimal u64"],
  ["0000000000000001:", "seq must be a decimal u64"],
  ["0000000000000001:5 ", "seq must be a decimal u64"],
  ["0000000000000001:++5", "seq must be a decimal u64"],
  ["0000000000000001:1n", "seq must be a decimal u64"],
  ["0000000000000001:18446744073709551616", "seq must be a decimal u64"],
])("refuses %j: %s", (text, reason) => {
  expect(() => parseWriteToken(text)).toThrow(`cortex: invalid WriteToken: ${reason}`);
});
