import { facets, sha256Hex, witnessHash } from "@gaiaftcl/witness";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeEvent, encodeEvent } from "./event.js";
import { eventVerifier } from "./event-verifier.js";
import { GENESIS_HASH } from "./row-witness.js";
import { type SealRowInput, sealRow } from "./seal-row.js";
import { asStored, evidenceRow } from "./sealed-row.testing.js";
import { SealedRowError } from "./sealed-row-error.js";
import {
  type RowRecord,
  type RowValue,
  SEALED_TABLES,
  type SealedTable,
  tableForSubject,
} from "./sealed-table.js";
import { verifyRow } from "./verify-row.js";

const TABLE = "qc020_joint_variation_evidence";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const eventText = (table: string, row: RowRecord): string =>
  new TextDecoder().decode(encodeEvent(table, row));
const good = eventText(TABLE, evidenceRow());

function telemetry(metric: string): RowRecord {
  const columns = { telemetry_id: "t-1", session_id: null, metric, value_text: null };
  const sealedAtIso = "2026-11-20T00:00:00.000Z";
  const input = { columns, cellId: "c", domainId: "d", sealedAtIso, previous: GENESIS_HASH };
  return { seq: 1n, ...sealRow("research_telemetry", input) };
}

/** The event with hashes that hold for that text of the payload, whatever it is. */
function resealed(text: string, payload: string): string {
  const witness = /"canonical_witness":"([^"]*)"/.exec(text)?.[1] ?? "";
  const changed = witness.slice(0, -64) + sha256Hex(payload);
  const hash = witnessHash(changed);
  const quintet = JSON.stringify(facets({ cellId: "c", domainId: "d" }, hash));
  return text
    .replace(witness, changed)
    .replace(/"witness_hash_sha256":"[^"]*"/, `"witness_hash_sha256":"${hash}"`)
    .replace(
      /"signature_quintet":"(?:[^"\\]|\\.)*"/,
      () => `"signature_quintet":${JSON.stringify(quintet)}`,
    );
}

/** The same text through the parser for any JSON and every single check. */
function longWay(table: string, text: string): RowRecord | undefined {
  try {
    const event = decodeEvent(bytes(text));
    if (event.table !== table || !verifyRow(table, event.row).ok) return undefined;
    return asStored(event.row);
  } catch (cause) {
    expect(cause).toBeInstanceOf(SealedRowError);
    return undefined;
  }
}

const plainText = fc.stringMatching(/^[A-Za-z0-9_.:@+ -]{1,40}$/);
const anyText = fc.oneof(
  fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
  fc.string({ unit: "grapheme" }),
  fc.constantFrom('a "b" \\ /', "\u0000\u0008\u000b\u001f\u007f", "\u2028é😀", "null", "{}"),
);

function ownValues(table: SealedTable): fc.Arbitrary<RowRecord> {
  const entries = table.columns.map(({ name, type, nullable }) => {
    const value: fc.Arbitrary<RowValue> =
      name === table.idColumn
        ? plainText
        : type === "INTEGER"
          ? fc.integer({ min: -(10 ** 9), max: 10 ** 15 - 1 })
          : anyText;
    return [name, nullable ? fc.option(value) : value] as const;
  });
  return fc.record(Object.fromEntries(entries));
}

function delayOf(row: RowRecord): number {
  return Date.parse(`${row["nats_broadcast_at_iso"]}`) - Date.parse(`${row["sealed_at_iso"]}`);
}

/** A sealed row of any table, with whatever a cell could put in it. */
const sealedRow = fc.constantFrom(...SEALED_TABLES).chain((table) =>
  fc
    .record({
      columns: ownValues(table),
      cellId: fc.constantFrom("cell-alpha", "cell", 'c"d', "ç", ""),
      domainId: fc.constantFrom("qc020", "back\\slash", "domain"),
      leanArtifactPath: fc.constantFrom(undefined, "Lean/Q.lean", "null"),
      tauBlock: fc.constantFrom(undefined, 0, 905_123, 2n ** 60n),
      sealedAtIso: fc.constantFrom("2026-11-20T00:00:00.123Z", "2024-02-29T23:59:59.999Z"),
      broadcastAtIso: fc.constantFrom(undefined, "2026-11-20T00:00:00.123Z"),
      previous: fc.constantFrom(GENESIS_HASH, "ab".repeat(32)),
    })
    .map((input): [SealedTable, RowRecord] => [
      table,
      asStored({ seq: 7n, ...sealRow(table, input as SealRowInput) }),
    ]),
);

describe("verifying an event on its text", () => {
  it("reads the very row from it, whichever the table", () => {
    const verifiers = new Map(SEALED_TABLES.map((table) => [table, eventVerifier(table)]));
    let read = 0;
    fc.assert(
      fc.property(sealedRow, ([table, row]) => {
        const text = eventText(table.name, row);
        expect(longWay(table.name, text)).toEqual(row);
        const found = verifiers.get(table)?.read(text);
        if (found === undefined) return;
        read += 1;
        expect(verifiers.get(table)?.rowOf(text)).toEqual(row);
        expect(found).toEqual({
          id: row[table.idColumn],
          witnessHash: row["witness_hash_sha256"],
          seq: 7,
          broadcastAfterMs: row["nats_broadcast_at_iso"] === null ? null : delayOf(row),
          pathFacet: JSON.parse(row["signature_quintet"] as string)[2],
          tauFacet: JSON.parse(row["signature_quintet"] as string)[4],
        });
      }),
      { numRuns: 500 },
    );
    expect(read).toBeGreaterThan(50);
  });

  it("takes the rows that a cell writes, one after the other", () => {
    const verifier = eventVerifier(TABLE);
    let previous: string = GENESIS_HASH;
    for (let index = 0; index < 5; index += 1) {
      const row = evidenceRow({ previous, columns: { best_nonce: -index, session_id: 'a\n"' } });
      previous = row["witness_hash_sha256"] as string;
      expect(verifier.read(eventText(TABLE, row))?.witnessHash).toBe(previous);
    }
  });

  it("accepts nothing that the long way refuses, however a good text is bent", () => {
    const inserts = [
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
      "\\u001f",
      "\\ud800",
    ];
    const bend = fc.record({
      at: fc.nat(),
      remove: fc.nat({ max: 3 }),
      insert: fc.constantFrom(...inserts, "\u0001", "{", "}", "null", '"seq":1,', "\uFEFF", "é"),
    });
    const verifiers = new Map(SEALED_TABLES.map((table) => [table, eventVerifier(table)]));
    fc.assert(
      fc.property(
        sealedRow,
        fc.array(bend, { minLength: 1, maxLength: 3 }),
        ([table, row], bends) => {
          let text = eventText(table.name, row);
          for (const { at, remove, insert } of bends) {
            const index = at % (text.length + 1);
            text = text.slice(0, index) + insert + text.slice(index + remove);
          }
          const verifier = verifiers.get(table);
          const found = verifier?.read(text);
          if (found === undefined) return;
          expect(longWay(table.name, text)).toEqual(verifier?.rowOf(text));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("accepts no changed value that the long way refuses", () => {
    const value = fc.oneof(anyText, fc.bigInt(), fc.constant(null), fc.integer());
    const verifiers = new Map(SEALED_TABLES.map((table) => [table, eventVerifier(table)]));
    fc.assert(
      fc.property(sealedRow, fc.nat(), value, ([table, row], at, changed) => {
        const names = Object.keys(row);
        const text = eventText(table.name, { ...row, [names[at % names.length] ?? ""]: changed });
        const verifier = verifiers.get(table);
        if (verifier?.read(text) === undefined) return;
        expect(longWay(table.name, text)).toEqual(verifier.rowOf(text));
      }),
      { numRuns: 1000 },
    );
  });

  it("refuses hashes over a text that is no canonical JSON, though they hold for it", () => {
    for (const spelling of ["dr\\u0069ft", "a\\/b", "\\ud800", "\u0001", "\\u000A", "\\u000b\\x"]) {
      const metric = eventText("research_telemetry", telemetry("@@@@"));
      const payload = `{"detail_json":null,"metric":"${spelling}","session_id":null,"telemetry_id":"t-1","value_text":null}`;
      const text = resealed(metric.replace("@@@@", spelling), payload);
      expect(longWay("research_telemetry", text)).toBeUndefined();
      expect(eventVerifier("research_telemetry").read(text)).toBeUndefined();
    }
    // The same with nothing wrong is accepted, so the seal made here is a good one.
    const text = eventText("research_telemetry", telemetry("drift"));
    const payload = `{"detail_json":null,"metric":"drift","session_id":null,"telemetry_id":"t-1","value_text":null}`;
    expect(resealed(text, payload)).toBe(text);
    expect(eventVerifier("research_telemetry").read(text)).toBeDefined();
  });

  it.each<[string, string]>([
    ["another table", good.replace(`"table":"${TABLE}"`, '"table":"research_telemetry"')],
    ["a member twice", good.replace('"best_nonce":7', '"best_nonce":7,"best_nonce":7')],
    ["a member less", good.replace('"best_nonce":7,', "")],
    [
      "members in another order",
      good.replace(/("best_hash_hex":"[^"]*"),("best_nonce":7)/, "$2,$1"),
    ],
    ["a blank", good.replace(",", ", ")],
    ["an escape that need not be one", good.replace('"s-1"', '"\\u0073-1"')],
    ["a fraction", good.replace('"seq":1', '"seq":1.0')],
    ["a leading zero", good.replace('"seq":1', '"seq":01')],
    ["minus zero", good.replace('"cursor_extranonce":0', '"cursor_extranonce":-0')],
    ["seq zero", good.replace('"seq":1', '"seq":0')],
    ["no seq", good.replace('"seq":1,', "")],
    ["a number of many digits", good.replace('"seq":1', '"seq":9007199254740993')],
    ["no time of broadcast", good.replace(/(broadcast_at_iso":"2026-1)1/, "$13")],
    ["something after it", `${good} `],
    ["a byte-order mark", `\uFEFF${good}`],
    ["an end too early", good.slice(0, -1)],
    ["a text without an end", good.slice(0, good.indexOf("s-1") + 2)],
    ["half a surrogate pair", good.replace("s-1", "\ud800")],
    ["nothing", ""],
  ])("leaves %s to the long way", (_, text) => {
    expect(text).not.toBe(good);
    expect(eventVerifier(TABLE).read(text)).toBeUndefined();
    expect(eventVerifier(TABLE).read(good)).toBeDefined();
  });

  it("accepts nothing where signatures are required", () => {
    expect(eventVerifier(TABLE, { require: "signed" }).read(good)).toBeUndefined();
    expect(eventVerifier(TABLE, { require: "facets" }).read(good)).toBeDefined();
  });

  it("is for sealed tables only", () => {
    expect(() => eventVerifier("other")).toThrow(
      expect.objectContaining({ code: "TABLE_UNKNOWN" }),
    );
    expect(tableForSubject(eventVerifier(TABLE).table.subject)?.name).toBe(TABLE);
  });
});
