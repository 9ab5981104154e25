import {
  decodeEvent,
  encodeEvent,
  type RowRecord,
  rowVerifier,
  SEALED_TABLES,
  SealedRowError,
} from "@gaiaftcl/sealed-row";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventReader } from "./event-reader.js";
import { EventText } from "./event-text.js";
import { Sealer, SUBJECT, TABLE } from "./test-cell.testing.js";

const table = SEALED_TABLES.find(({ name }) => name === TABLE);
if (table === undefined) throw new Error(`no table ${TABLE}`);
const { columns } = rowVerifier(table);
const short = new EventText(table, columns);

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const value = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string(),
  fc.constant(null),
  fc.bigInt({ min: -(10n ** 15n) + 1n, max: 10n ** 15n - 1n }),
);
const row = fc.tuple(...columns.map(() => value)).map((values) => {
  const entries = values.map((entry, index) => [columns[index] ?? "", entry] as const);
  return Object.fromEntries(entries) as RowRecord;
});

/** What the parser for any JSON makes of the same bytes. */
function decoded(event: Uint8Array): RowRecord | undefined {
  try {
    const found = decodeEvent(event);
    if (found.table !== TABLE) return undefined;
    return Object.fromEntries(
      Object.entries(found.row).map(([name, entry]) => [
        name,
        typeof entry === "number" ? BigInt(entry) : entry,
      ]),
    );
  } catch (cause) {
    expect(cause).toBeInstanceOf(SealedRowError);
    return undefined;
  }
}

describe("the short way to read an event", () => {
  it("gives every row as it was encoded", () => {
    fc.assert(
      fc.property(row, (record) => {
        const found = short.read(encodeEvent(TABLE, record));
        expect(found?.row).toEqual(record);
        expect(found?.values).toEqual(columns.map((name) => record[name]));
      }),
    );
  });

  it("reads nothing that the long way would read otherwise, however the text is bent", () => {
    const bend = fc.record({
      at: fc.nat(),
      remove: fc.nat({ max: 3 }),
      insert: fc.constantFrom(
        "",
        '"',
        "\\",
        ",",
        " ",
        "0",
        "-",
        "e1",
        ".5",
        "\\u0041",
        "\\ud800",
        "\u0001",
        "{",
        "}",
        "null",
        '"seq":1,',
        "\uFEFF",
      ),
    });
    fc.assert(
      fc.property(row, fc.array(bend, { minLength: 1, maxLength: 3 }), (record, bends) => {
        let text = new TextDecoder().decode(encodeEvent(TABLE, record));
        for (const { at, remove, insert } of bends) {
          const index = at % (text.length + 1);
          text = text.slice(0, index) + insert + text.slice(index + remove);
        }
        const event = bytes(text);
        const found = short.read(event);
        if (found !== undefined) expect(found.row).toEqual(decoded(event));
      }),
      { numRuns: 2000 },
    );
  });

  const good = new TextDecoder().decode(encodeEvent(TABLE, new Sealer().seal()));

  it.each([
    ["another table", good.replace(`"table":"${TABLE}"`, `"table":"research_telemetrz"`)],
    ["a member twice", good.replace('"metric":"drift"', '"metric":"drift","metric":"drift"')],
    ["a member less", good.replace('"metric":"drift",', "")],
    ["a blank", good.replace(",", ", ")],
    ["an escape that need not be one", good.replace("drift", "dri\\u0066t")],
    ["a slash escaped", good.replace("drift", "dri\\/ft")],
    ["a raw control character", good.replace("drift", "dri\u0001ft")],
    ["half a surrogate pair", good.replace("drift", "dri\\ud800ft")],
    ["a fraction", good.replace('"seq":1', '"seq":1.0')],
    ["a leading zero", good.replace('"seq":1', '"seq":01')],
    ["minus zero", good.replace('"seq":1', '"seq":-0')],
    ["a number too long to be exact", good.replace('"seq":1', '"seq":9007199254740993')],
    ["no number", good.replace('"seq":1', '"seq":')],
    ["something after it", `${good} `],
    ["a byte-order mark", `\uFEFF${good}`],
    ["an end too early", good.slice(0, -1)],
    ["a string without an end", good.slice(0, good.indexOf("drift") + 3)],
    ["nothing", ""],
  ])("leaves %s to the long way", (_, text) => {
    expect(short.read(bytes(text))).toBeUndefined();
  });

  it("leaves bytes that are no UTF-8 to the long way", () => {
    const event = bytes(good);
    event[event.indexOf(0x64, good.indexOf("drift"))] = 0xff;
    expect(short.read(event)).toBeUndefined();
  });
});

describe("reading whatever arrives", () => {
  const options = { keys: undefined, require: undefined, maxEventBytes: 4096 };
  const reader = new EventReader(options);

  it("never throws, and never takes junk for a row that is ok", () => {
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map(bytes),
      fc
        .dictionary(fc.string(), fc.jsonValue())
        .map((row_) => bytes(JSON.stringify({ table: TABLE, row: row_ }))),
    );
    fc.assert(
      fc.property(fc.constantFrom(SUBJECT, "a.sealed", "a.b"), payload, (subject, event) => {
        expect(reader.read(subject, event).report.ok).toBe(false);
      }),
    );
  });

  it("gives one verdict on the short way and the long", () => {
    const sealed = new Sealer().seal({ metric: 'a "quoted" \\ metric é \u2028' });
    const slow = bytes(JSON.stringify({ table: TABLE, row: { ...sealed, seq: 1 } }, null, 1));
    const fast = encodeEvent(TABLE, sealed);
    expect(short.read(slow)).toBeUndefined();
    expect(short.read(fast)).toBeDefined();
    const [one, other] = [reader.read(SUBJECT, slow), reader.read(SUBJECT, fast)];
    expect(one.report).toEqual(other.report);
    expect(one).toMatchObject({ kind: "row", report: { ok: true } });
    expect(one.kind === "row" && { ...one.row }).toEqual(other.kind === "row" && other.row);
  });

  it("does not look at an event larger than allowed", () => {
    const large = encodeEvent(TABLE, new Sealer().seal({ detail_json: "x".repeat(5000) }));
    expect(reader.read(SUBJECT, large)).toMatchObject({
      kind: "raw",
      report: { checks: [{ name: "event", status: "failed" }] },
    });
    expect(
      new EventReader({ ...options, maxEventBytes: 1 << 20 }).read(SUBJECT, large),
    ).toMatchObject({
      report: { ok: true },
    });
  });
});
