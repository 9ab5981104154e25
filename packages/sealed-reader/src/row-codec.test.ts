import type { RowValue } from "@gaiaftcl/sealed-row";
import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeRows, encodeRows } from "./row-codec.js";
import type { ScannedRow } from "./scan-request.js";
import { SealedReaderError } from "./sealed-reader-error.js";

const value: fc.Arbitrary<RowValue> = fc.oneof(
  fc.constant(null),
  fc.string({ unit: "binary" }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double({ noNaN: true }),
  fc.uint8Array(),
);
const row: fc.Arbitrary<ScannedRow> = fc.record({
  key: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { nil: null }),
  previous: fc.option(fc.string(), { nil: null }),
  cosignatures: fc.option(fc.string(), { nil: null }),
  values: fc.array(value, { minLength: 3, maxLength: 3 }),
});

it("carries every value of SQLite exactly", () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 5 }), (rows) => {
      expect(decodeRows(encodeRows(rows), 3, 5)).toEqual(rows);
    }),
  );
});

it("refuses more rows, or other columns, than were asked for", () => {
  const rows = [{ key: 1n, previous: null, cosignatures: null, values: ["a"] }];
  expect(() => decodeRows(encodeRows(rows), 2, 5)).toThrow(SealedReaderError);
  expect(() => decodeRows(encodeRows([...rows, ...rows]), 1, 1)).toThrow(SealedReaderError);
});

it.each([
  "",
  "{}",
  "[1]",
  "[[1,null,null]]",
  "[[1,null,null,1.5]]",
  "[[1,null,null,true]]",
  "[[1,null,null,{}]]",
  '[[1,null,null,["i",1]]]',
  '[[1,null,null,["i","99999999999999999999999"]]]',
  '[[1,null,null,["x","1"]]]',
  '[["1",null,null,"a"]]',
  '[[1,2,null,"a"]]',
  "[[1,null,null,9007199254740993]]",
])("refuses %s", (text) => {
  expect(() => decodeRows(text, 1, 5)).toThrow(SealedReaderError);
});

it("never throws anything but its own error, whatever JSON comes", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      try {
        decodeRows(text, 1, 5);
      } catch (cause) {
        expect(cause).toBeInstanceOf(SealedReaderError);
      }
    }),
  );
});
