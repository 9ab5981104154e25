import { inspect } from "node:util";
import { encodeEvent } from "@gaiaftcl/sealed-row";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventReader } from "./event-reader.js";
import { EventRowMessage } from "./event-row-message.js";
import { eventOf, Sealer, SUBJECT, TABLE } from "./test-cell.testing.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
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

  it("gives one verdict, and one row, on the short way and the long", () => {
    const sealed = new Sealer().seal({ metric: 'a "quoted" \\ metric é \u2028' });
    const slow = bytes(JSON.stringify({ table: TABLE, row: { ...sealed, seq: 1 } }, null, 1));
    const [one, other] = [reader.read(SUBJECT, slow), reader.read(SUBJECT, eventOf(sealed))];
    expect(one).toMatchObject({ kind: "decoded", report: { ok: true } });
    expect(other).toBeInstanceOf(EventRowMessage);
    expect(one.report).toEqual(other.report);
    expect(one.kind === "decoded" && { ...one.row }).toEqual(other.kind === "row" && other.row);
  });

  it("gives every bent event the report and the row that the long way gives it", () => {
    const long = new EventReader({ ...options, require: "signed" });
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
        "e1",
        "\\u0041",
        "\\ud800",
        "\u0001",
        "é",
      ),
    });
    const text = new TextDecoder().decode(eventOf(new Sealer().seal({ detail_json: '{"a":1}' })));
    fc.assert(
      fc.property(bend, ({ at, remove, insert }) => {
        const index = at % (text.length + 1);
        const event = bytes(text.slice(0, index) + insert + text.slice(index + remove));
        const [found, expected] = [reader.read(SUBJECT, event), long.read(SUBJECT, event)];
        expect(found.kind === "raw").toBe(expected.kind === "raw");
        // What the long way must reach is out of reach; all it looked at must be the same.
        expect(found.report.checks).toEqual(expected.report.checks);
        if (found.kind !== "raw" && expected.kind !== "raw") {
          expect({ ...found.row }).toEqual({ ...expected.row });
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("leaves bytes that are no UTF-8 to the long way, which refuses them", () => {
    const event = eventOf(new Sealer().seal());
    event[new TextDecoder().decode(event).indexOf("drift")] = 0xff;
    expect(reader.read(SUBJECT, event)).toMatchObject({ kind: "raw", report: { ok: false } });
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

describe("a row that is read when it is asked for", () => {
  const reader = new EventReader({ keys: undefined, require: undefined, maxEventBytes: 4096 });
  const sealed = new Sealer().seal({ metric: "é" });

  it("is the row that was sealed, and the same each time", () => {
    const message = reader.read(SUBJECT, eventOf(sealed));
    if (message.kind !== "row") throw new Error(message.kind);
    const { row } = message;
    expect(row).toEqual(sealed);
    expect(message.row).toBe(row);
  });

  it("is shown, and written as JSON, with the rest of the message", () => {
    const message = reader.read(SUBJECT, eventOf(sealed));
    expect(inspect(message, { depth: 4 })).toContain("telemetry_id: 't-1'");
    const text = JSON.stringify(message, (_, value) =>
      typeof value === "bigint" ? `${value}` : value,
    );
    expect(JSON.parse(text)).toMatchObject({
      kind: "row",
      subject: SUBJECT,
      table: TABLE,
      row: { telemetry_id: "t-1", seq: "1" },
      report: { ok: true, id: "t-1" },
      origin: "bus-unverified",
    });
  });
});
