import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { compileKernel } from "@gaiaftcl/config/wasm-kernel";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeEvent, encodeEvent } from "./event.js";
import { eventVerifier } from "./event-verifier.js";
import { GENESIS_HASH } from "./row-witness.js";
import { sealRow } from "./seal-row.js";
import { evidenceRow } from "./sealed-row.testing.js";
import { SealedRowError } from "./sealed-row-error.js";
import type { RowRecord } from "./sealed-table.js";
import { verifyRow } from "./verify-row.js";

const TABLE = "qc020_joint_variation_evidence";
const TELEMETRY = "research_telemetry";

/** The parser for any JSON, and every single check. */
function isOk(event: Uint8Array, table: string = TABLE): boolean {
  try {
    const { table: named, row } = decodeEvent(event);
    return named === table && verifyRow(named, row).ok;
  } catch (cause) {
    expect(cause).toBeInstanceOf(SealedRowError);
    return false;
  }
}

interface Telemetry {
  readonly cellId?: string;
  readonly domainId?: string;
  readonly leanArtifactPath?: string;
  readonly tauBlock?: bigint;
  readonly id?: string;
  readonly metric?: string;
  readonly sealedAtIso?: string;
  readonly broadcastAtIso?: string;
}

function telemetry({ id = "t-1", metric = "drift", ...seal }: Telemetry): RowRecord {
  const columns = { telemetry_id: id, session_id: null, metric, value_text: null };
  const sealedAtIso = "2026-11-20T00:00:00.000Z";
  return {
    seq: 1n,
    ...sealRow(TELEMETRY, {
      columns,
      cellId: "c",
      domainId: "d",
      sealedAtIso,
      previous: GENESIS_HASH,
      ...seal,
    }),
  };
}

describe("the kernel", () => {
  it("is the module that its sources compile to", async () => {
    const { file, text } = await compileKernel(join(import.meta.dirname, ".."));
    expect(await readFile(file, "utf8")).toBe(text);
  });

  it("refuses an event with any one bit of it flipped", () => {
    const verifier = eventVerifier(TABLE);
    const event = encodeEvent(TABLE, evidenceRow({ columns: { session_id: 'a\n"é' } }));
    expect(verifier.read(event)).toBeDefined();
    const accepted: string[] = [];
    for (let at = 0; at < event.length; at += 1) {
      for (let bit = 1; bit < 256; bit <<= 1) {
        event[at] = (event[at] as number) ^ bit;
        // What no hash covers may be another good row.
        if (verifier.read(event) !== undefined) {
          accepted.push(new TextDecoder().decode(event.subarray(Math.max(0, at - 60), at + 1)));
          expect(isOk(event)).toBe(true);
        }
        event[at] = (event[at] as number) ^ bit;
      }
    }
    expect(accepted.length).toBeGreaterThan(0);
    for (const text of accepted) expect(text).toMatch(/"(seq|nats_broadcast_at_iso)":"?[-\dT:.]*$/);
    expect(verifier.read(event)).toBeDefined();
  });

  it("refuses an event that lacks any of its bytes, or has one of them twice", () => {
    const verifier = eventVerifier(TABLE);
    const event = encodeEvent(TABLE, evidenceRow());
    for (let at = 0; at < event.length; at += 1) {
      const without = Uint8Array.from([...event.subarray(0, at), ...event.subarray(at + 1)]);
      const twice = Uint8Array.from([...event.subarray(0, at + 1), ...event.subarray(at)]);
      for (const bent of [without, twice]) {
        if (verifier.read(bent) !== undefined) expect(isOk(bent)).toBe(true);
      }
    }
  });

  it("computes the facets of identities of any length", () => {
    const text = fc.stringMatching(/^[A-Za-z0-9_.-]{1,255}$/, { size: "max" });
    const identity = fc.record({
      cellId: text,
      domainId: text,
      leanArtifactPath: fc.option(text, { nil: undefined }),
      tauBlock: fc.option(fc.bigInt({ min: 0n, max: 10n ** 15n - 1n }), { nil: undefined }),
    });
    const verifier = eventVerifier(TELEMETRY);
    fc.assert(
      fc.property(identity, (given) => {
        const seal = Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined));
        const row = telemetry(seal);
        expect(verifier.read(encodeEvent(TELEMETRY, row))).toBeDefined();
        const quintet = JSON.parse(`${row["signature_quintet"]}`) as string[];
        for (let context = 0; context < 5; context += 1) {
          const bent = quintet.with(context, "0".repeat(64));
          const other = { ...row, signature_quintet: JSON.stringify(bent) };
          expect(verifier.read(encodeEvent(TELEMETRY, other))).toBeUndefined();
        }
      }),
      { numRuns: 200 },
    );
  });

  it("reads every length of an identity, up to the longest one", () => {
    const verifier = eventVerifier(TELEMETRY);
    for (let length = 1; length <= 255; length += 1) {
      const row = telemetry({ cellId: "c".repeat(length), domainId: "d".repeat(256 - length) });
      expect(verifier.read(encodeEvent(TELEMETRY, row))).toBeDefined();
    }
  });

  it("leaves a column of the seal that another one took the place of alone", () => {
    const verifier = eventVerifier(TELEMETRY);
    const one = telemetry({ cellId: "one", id: "t-1" });
    const other = telemetry({ cellId: "other", id: "t-1" });
    expect(verifier.read(encodeEvent(TELEMETRY, one))).toBeDefined();
    const names = Object.keys(one).filter((name) => one[name] !== other[name]);
    expect(names).toContain("signature_quintet");
    for (const name of names) {
      const mixed = encodeEvent(TELEMETRY, { ...one, [name]: other[name] ?? null });
      expect(verifier.read(mixed)).toBeUndefined();
    }
    expect(verifier.read(encodeEvent(TELEMETRY, other))).toBeDefined();
  });

  it("takes the milliseconds between any two times as Date does", () => {
    const verifier = eventVerifier(TELEMETRY);
    const time = fc
      .date({
        min: new Date("0000-01-01T00:00:00.000Z"),
        max: new Date("9999-12-31T23:59:59.999Z"),
        noInvalidDate: true,
      })
      .map((date) => date.toISOString());
    fc.assert(
      fc.property(time, time, (sealedAtIso, broadcastAtIso) => {
        const event = encodeEvent(TELEMETRY, telemetry({ sealedAtIso, broadcastAtIso }));
        expect(verifier.read(event)?.broadcastAfterMs).toBe(
          Date.parse(broadcastAtIso) - Date.parse(sealedAtIso),
        );
      }),
      { numRuns: 500 },
    );
  });

  it("reads an event wherever it stands in its memory", () => {
    const verifier = eventVerifier(TABLE);
    const event = encodeEvent(TABLE, evidenceRow());
    for (const Room of [ArrayBuffer, SharedArrayBuffer]) {
      for (let place = 0; place < 16; place += 1) {
        const bytes = new Uint8Array(new Room(event.length + place), place);
        bytes.set(event);
        expect(verifier.read(bytes)).toEqual(verifier.read(event));
        bytes[event.length - 1] = 0x20;
        expect(verifier.read(bytes)).toBeUndefined();
      }
    }
  });

  it.each(["\\u0000", "\\u001f", "\\u000b", "\\b", "\\t", "\\n", "\\f", "\\r", '\\"', "\\\\"])(
    "takes %s for what it is, in every place of a block",
    (spelling) => {
      const verifier = eventVerifier(TELEMETRY);
      for (let before = 0; before < 20; before += 1) {
        const metric = "m".repeat(before) + (JSON.parse(`"${spelling}"`) as string);
        expect(verifier.read(encodeEvent(TELEMETRY, telemetry({ metric })))).toBeDefined();
      }
    },
  );
});
