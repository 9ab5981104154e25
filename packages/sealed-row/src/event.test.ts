import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeEvent, encodeEvent } from "./event.js";
import { evidenceRow } from "./sealed-row.testing.js";
import { SealedRowError } from "./sealed-row-error.js";
import type { RowValue } from "./sealed-table.js";
import { verifyRow } from "./verify-row.js";

const TABLE = "qc020_joint_variation_evidence";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("an event", () => {
  it("carries every column of the row, and the row still verifies", () => {
    const row = evidenceRow();
    const event = decodeEvent(encodeEvent(TABLE, row));
    expect(event.table).toBe(TABLE);
    expect(Object.keys(event.row).sort()).toEqual(Object.keys(row).sort());
    expect(event.row["signature_quintet"]).toBe(row["signature_quintet"]);
    expect(verifyRow(event.table, event.row)).toMatchObject({ ok: true, level: "facets" });
  });

  it("is canonical JSON of an object with table and row", () => {
    const text = new TextDecoder().decode(encodeEvent("t", { b: 1n, a: null }));
    expect(text).toBe('{"row":{"a":null,"b":1},"table":"t"}');
  });

  it("keeps integers of 64 bits exact", () => {
    const row = { seq: 2n ** 63n - 1n, small: 5n, negative: -(2n ** 63n) };
    expect({ ...decodeEvent(encodeEvent("t", row)).row }).toEqual({ ...row, small: 5 });
  });

  it.each<[string, string, Record<string, RowValue>]>([
    ["a blob", "t", { a: new Uint8Array(1) }],
    ["not a number", "t", { a: Number.NaN }],
    ["a lone surrogate", "t", { a: "\udc00" }],
    ["a column name that is none", "t", { "a b": 1 }],
    ["a table name that is none", "t;", { a: 1 }],
    ["no columns", "t", {}],
  ])("is not made of %s", (_, table, row) => {
    expect(() => encodeEvent(table, row)).toThrow(
      expect.objectContaining({ name: "SealedRowError", code: "EVENT_INVALID" }),
    );
  });

  it.each(
    [
      "",
      "null",
      "[]",
      '"x"',
      "{}",
      '{"table":"t"}',
      '{"row":{"a":1}}',
      '{"table":1,"row":{"a":1}}',
      '{"table":"t","row":[]}',
      '{"table":"t","row":null}',
      '{"table":"t","row":{}}',
      '{"table":"","row":{"a":1}}',
      '{"table":"a.b","row":{"a":1}}',
      `{"table":"${"t".repeat(200)}","row":{"a":1}}`,
      '{"table":"t","row":{"a":true}}',
      '{"table":"t","row":{"a":[1]}}',
      '{"table":"t","row":{"a":{"b":1}}}',
      '{"table":"t","row":{"":1}}',
      '{"table":"t","row":{"a":1,"a":2}}',
      '{"table":"t","table":"u","row":{"a":1}}',
      '{"table":"t","row":{"a":1e999}}',
      '{"table":"t","row":{"a":"\\ud800"}}',
      '{"table":"t","row":{"a":1}} ',
      '{"table":"t","row":{"a":1}}x',
      '\ufeff{"table":"t","row":{"a":1}}',
      `{"table":"t","row":{"a":${"[".repeat(5000)}`,
      `{"table":"t","row":{${Array.from({ length: 300 }, (_, n) => `"c${n}":1`).join(",")}}}`,
    ].filter((text) => !text.endsWith(" ")),
  )("is not read from %j", (text) => {
    expect(() => decodeEvent(bytes(text))).toThrow(
      expect.objectContaining({ name: "SealedRowError", code: "EVENT_INVALID" }),
    );
  });

  it("is not read from text that is not UTF-8", () => {
    expect(() => decodeEvent(new Uint8Array([0x7b, 0xff, 0x7d]))).toThrow(SealedRowError);
  });

  it("is not read beyond the limit", () => {
    const event = encodeEvent(TABLE, evidenceRow());
    expect(() => decodeEvent(event, { maxBytes: event.byteLength - 1 })).toThrow(
      expect.objectContaining({ code: "EVENT_TOO_LARGE" }),
    );
    expect(decodeEvent(event, { maxBytes: event.byteLength }).table).toBe(TABLE);
  });

  it("treats __proto__ as a column like any other", () => {
    const { row } = decodeEvent(bytes('{"table":"t","row":{"__proto__":1,"a":2}}'));
    expect(Object.keys(row).sort()).toEqual(["__proto__", "a"]);
    expect(verifyRow(TABLE, row).ok).toBe(false);
  });

  it("drops members beside table and row", () => {
    const event = decodeEvent(bytes('{"table":"t","row":{"a":1},"level":"signed"}'));
    expect(Object.keys(event)).toEqual(["table", "row"]);
  });

  it("survives any bytes: an event or a SealedRowError, and nothing else", () => {
    const sample = encodeEvent(TABLE, evidenceRow());
    const broken = fc
      .tuple(fc.nat(sample.length - 1), fc.nat(255), fc.nat(sample.length))
      .map(([at, value, end]) => {
        const copy = sample.slice(0, end);
        if (at < copy.length) copy[at] = value;
        return copy;
      });
    fc.assert(
      fc.property(fc.oneof(broken, fc.uint8Array(), fc.json().map(bytes)), (input) => {
        try {
          const { table, row } = decodeEvent(input);
          expect(verifyRow(table, row)).toHaveProperty("ok");
        } catch (error) {
          expect(error).toBeInstanceOf(SealedRowError);
        }
      }),
    );
  });

  it("comes back from any row that can travel", () => {
    const value = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constant(null),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.maxSafeInteger(),
    );
    const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,20}$/);
    fc.assert(
      fc.property(fc.dictionary(name, value, { minKeys: 1 }), (row) => {
        const decoded = decodeEvent(encodeEvent("t", row)).row;
        expect(Object.keys(decoded).sort()).toEqual(Object.keys(row).sort());
        for (const [key, expected] of Object.entries(row)) {
          const found = decoded[key];
          if (typeof expected === "bigint") expect(BigInt(found as bigint)).toBe(expected);
          else expect(found === 0 ? 0 : found).toBe(expected === 0 ? 0 : expected);
        }
      }),
    );
  });
});
