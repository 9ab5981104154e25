import { facets, sha256Hex, witnessHash } from "@gaiaftcl/witness";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeEvent, encodeEvent } from "./event.js";
import { EVENT_RECORD_WORDS, type VerifiedEvent } from "./event-record.js";
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
function resealed(text: string, payload: string | Uint8Array): string {
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

/** The same event through the parser for any JSON and every single check. */
function longWay(table: string, bytes: Uint8Array): RowRecord | undefined {
  try {
    const event = decodeEvent(bytes);
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

/** What the event found says, with the texts that it says where they are. */
function partsOf(event: Uint8Array, found: VerifiedEvent): Record<string, unknown> {
  const { seq, broadcastAfterMs, idStart, idEnd } = found;
  const part = (start: number, end: number = start + 64): string =>
    new TextDecoder().decode(event.subarray(start, end));
  return {
    id: part(idStart, idEnd),
    witnessHash: part(found.witnessHashStart),
    seq,
    broadcastAfterMs,
  };
}

function hexOf(words: Int32Array): string {
  return [...words].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
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

describe("verifying an event on its bytes", () => {
  it("reads the very row from it, whichever the table", () => {
    const verifiers = new Map(SEALED_TABLES.map((table) => [table, eventVerifier(table)]));
    let read = 0;
    fc.assert(
      fc.property(sealedRow, ([table, row]) => {
        const event = encodeEvent(table.name, row);
        expect(longWay(table.name, event)).toEqual(row);
        const found = verifiers.get(table)?.read(event);
        if (found === undefined) return;
        read += 1;
        expect(verifiers.get(table)?.rowOf(event)).toEqual(row);
        expect(partsOf(event, found)).toEqual({
          id: row[table.idColumn],
          witnessHash: row["witness_hash_sha256"],
          seq: 7,
          broadcastAfterMs: row["nats_broadcast_at_iso"] === null ? null : delayOf(row),
        });
        const record = new Int32Array(EVENT_RECORD_WORDS + 1);
        expect(verifiers.get(table)?.readInto(event, record, 1)).toBe(true);
        const quintet = JSON.parse(row["signature_quintet"] as string) as string[];
        expect(hexOf(record.subarray(5, 13))).toBe(
          `${row["witness_hash_sha256"]}`.slice(0, 32) +
            `${quintet[2]?.slice(0, 16)}${quintet[4]?.slice(0, 16)}`,
        );
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
      const event = encodeEvent(TABLE, row);
      const found = verifier.read(event);
      expect(found && partsOf(event, found)).toMatchObject({ witnessHash: previous });
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
          const event = bytes(text);
          if (verifier?.read(event) === undefined) return;
          expect(longWay(table.name, event)).toEqual(verifier.rowOf(event));
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
        const name = names[at % names.length] ?? "";
        const event = encodeEvent(table.name, { ...row, [name]: changed });
        const verifier = verifiers.get(table);
        if (verifier?.read(event) === undefined) return;
        expect(longWay(table.name, event)).toEqual(verifier.rowOf(event));
      }),
      { numRuns: 1000 },
    );
  });

  it("refuses hashes over a text that is no canonical JSON, though they hold for it", () => {
    for (const spelling of ["dr\\u0069ft", "a\\/b", "\\ud800", "\u0001", "\\u000A", "\\u000b\\x"]) {
      const metric = eventText("research_telemetry", telemetry("@@@@"));
      const payload = `{"detail_json":null,"metric":"${spelling}","session_id":null,"telemetry_id":"t-1","value_text":null}`;
      const text = resealed(metric.replace("@@@@", spelling), payload);
      expect(longWay("research_telemetry", bytes(text))).toBeUndefined();
      expect(eventVerifier("research_telemetry").read(bytes(text))).toBeUndefined();
    }
    // The same with nothing wrong is accepted, so the seal made here is a good one.
    const text = eventText("research_telemetry", telemetry("drift"));
    const payload = `{"detail_json":null,"metric":"drift","session_id":null,"telemetry_id":"t-1","value_text":null}`;
    expect(resealed(text, payload)).toBe(text);
    expect(eventVerifier("research_telemetry").read(bytes(text))).toBeDefined();
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
    ["nothing", ""],
  ])("leaves %s to the long way", (_, text) => {
    expect(text).not.toBe(good);
    expect(eventVerifier(TABLE).read(bytes(text))).toBeUndefined();
    expect(eventVerifier(TABLE).read(bytes(good))).toBeDefined();
  });

  it("accepts no bytes that the long way refuses, whatever they are", () => {
    const bend = fc.record({ at: fc.nat(), code: fc.nat({ max: 255 }) });
    const verifiers = new Map(SEALED_TABLES.map((table) => [table, eventVerifier(table)]));
    let read = 0;
    fc.assert(
      fc.property(sealedRow, fc.array(bend, { maxLength: 3 }), ([table, row], bends) => {
        const event = encodeEvent(table.name, row);
        for (const { at, code } of bends) event[at % event.length] = code;
        const verifier = verifiers.get(table);
        if (verifier?.read(event) === undefined) return;
        read += 1;
        expect(longWay(table.name, event)).toEqual(verifier.rowOf(event));
      }),
      { numRuns: 2000 },
    );
    expect(read).toBeGreaterThan(50);
  });

  it("leaves text that is no UTF-8 to the long way, though its hashes hold", () => {
    const row = telemetry("é");
    const event = encodeEvent("research_telemetry", row);
    const verifier = eventVerifier("research_telemetry");
    expect(verifier.read(event)).toBeDefined();
    event[event.indexOf(0xc3)] = 0xe9;
    expect(verifier.read(event)).toBeUndefined();
    // The three bytes of half a surrogate pair, sealed as they stand.
    const text = Buffer.from(eventText("research_telemetry", telemetry("@@@"))).toString("latin1");
    const forged = Buffer.from(text.replace("@@@", "\xed\xa0\x80"), "latin1");
    const payload = Buffer.from(
      '{"detail_json":null,"metric":"\xed\xa0\x80","session_id":null,"telemetry_id":"t-1","value_text":null}',
      "latin1",
    );
    const sealed = Buffer.from(resealed(forged.toString("latin1"), payload), "latin1");
    expect(longWay("research_telemetry", sealed)).toBeUndefined();
    expect(verifier.read(sealed)).toBeUndefined();
  });

  it("finds nothing beyond the end of an event, where a longer one was before", () => {
    const verifier = eventVerifier(TABLE);
    const event = bytes(good);
    expect(verifier.read(event)).toBeDefined();
    for (let length = 0; length < event.length; length += 1) {
      expect(verifier.read(event.subarray(0, length))).toBeUndefined();
    }
    expect(verifier.read(event)).toBeDefined();
  });

  it("reads events of any length up to what it has room for", () => {
    const verifier = eventVerifier("research_telemetry");
    const lengthOf = (length: number): Uint8Array =>
      encodeEvent("research_telemetry", telemetry("m".repeat(length)));
    const most = 64 * 1024 - lengthOf(0).length;
    for (const length of [0, 1, 2, 3, 4, 5, 1000, most - 1, most]) {
      expect(verifier.read(lengthOf(length))).toBeDefined();
    }
    expect(verifier.read(lengthOf(most + 1))).toBeUndefined();
    expect(longWay("research_telemetry", lengthOf(most + 1))).toBeDefined();
  });

  it("reads an event in shared memory", () => {
    const event = bytes(good);
    const shared = new Uint8Array(new SharedArrayBuffer(event.length));
    shared.set(event);
    expect(eventVerifier(TABLE).read(shared)).toEqual(eventVerifier(TABLE).read(event));
  });

  it.each([
    "2026-11-20T00:00:00.000Z",
    "2024-02-29T23:59:59.999Z",
    "2000-02-29T00:00:00.000Z",
    "1900-02-29T00:00:00.000Z",
    "2026-02-29T00:00:00.000Z",
    "2026-04-31T00:00:00.000Z",
    "2026-00-10T00:00:00.000Z",
    "2026-13-10T00:00:00.000Z",
    "2026-11-00T00:00:00.000Z",
    "2026-11-20T24:00:00.000Z",
    "2026-11-20T00:60:00.000Z",
    "2026-11-20T00:00:60.000Z",
    "2026-11-20T00:00:00.00aZ",
    "2026-11-20t00:00:00.000Z",
    "2026-11-20T00:00:00.000+",
    "2026-11-20T00:00:00.0000Z",
    "2025-12-31T23:59:59.123Z",
  ])("takes %s for a time of broadcast where the format does", (time) => {
    const row = evidenceRow();
    const event = encodeEvent(TABLE, { ...row, nats_broadcast_at_iso: time });
    const found = eventVerifier(TABLE).read(event);
    expect(found !== undefined).toBe(longWay(TABLE, event) !== undefined);
    const delay = Date.parse(time) - Date.parse(`${row["sealed_at_iso"]}`);
    if (found !== undefined) expect(found.broadcastAfterMs).toBe(delay);
  });

  it("accepts nothing where signatures are required", () => {
    expect(eventVerifier(TABLE, { require: "signed" }).read(bytes(good))).toBeUndefined();
    expect(eventVerifier(TABLE, { require: "facets" }).read(bytes(good))).toBeDefined();
  });

  it("is for sealed tables only", () => {
    expect(() => eventVerifier("other")).toThrow(
      expect.objectContaining({ code: "TABLE_UNKNOWN" }),
    );
    expect(tableForSubject(eventVerifier(TABLE).table.subject)?.name).toBe(TABLE);
  });
});
