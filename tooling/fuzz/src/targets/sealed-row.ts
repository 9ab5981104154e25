import {
  decodeEvent,
  encodeEvent,
  eventVerifier,
  GENESIS_HASH,
  isTimestamp,
  parseRowWitness,
  type RowRecord,
  rowWitness,
  SEALED_TABLES,
  SealedRowError,
  type SealedTable,
  sealRow,
  verifyRow,
} from "@gaiaftcl/sealed-row";
import { readQuintet } from "../../../../packages/sealed-row/src/quintet-text.ts";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claim, claimSame, unlessRefused } from "./claims.ts";
import { Script } from "./script.ts";
import { vectorJson, vectorTexts } from "./seeds.ts";

const VECTORS = "sealed-row/vectors/sealed-rows.json";
const seeds = (): string[] => [...vectorJson(VECTORS), ...vectorTexts(VECTORS)];

const INTEGERS: readonly (bigint | number | null)[] = [
  0,
  -1,
  905_123,
  2 ** 53 - 1,
  2n ** 53n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  null,
];
const TIMES = ["2026-11-20T00:00:00.123Z", "2024-02-29T23:59:59.999Z", "2026-11-20T00:00:01.000Z"];

/** A row of the script's table and values; undefined for one that cannot be sealed. */
function rowOf(script: Script): readonly [SealedTable, RowRecord] | undefined {
  const table = SEALED_TABLES[script.u8() % SEALED_TABLES.length];
  if (table === undefined) return undefined;
  const text = (): string => new TextDecoder().decode(script.take(script.u8() & 63));
  const integer = (): bigint | number | null => INTEGERS[script.u8() % INTEGERS.length] ?? null;
  const columns = Object.fromEntries(
    table.columns.map(({ name, type }) => [name, type === "TEXT" ? text() : integer()]),
  );
  const kind = script.u8();
  const path = text();
  const row = unlessRefused(SealedRowError, () =>
    sealRow(table, {
      columns,
      cellId: text(),
      domainId: text(),
      leanArtifactPath: path === "" ? undefined : path,
      tauBlock: integer() ?? undefined,
      sealedAtIso: TIMES[kind % 3] ?? "",
      broadcastAtIso: (kind & 8) === 0 ? undefined : (TIMES[(kind >> 4) % 3] ?? ""),
      previous: GENESIS_HASH,
    }),
  );
  return row && [table, { seq: BigInt(1 + script.u16()), ...row }];
}

/** Claims that the fast way says no more than the slow one, and the same. */
function claimVerdicts(table: SealedTable, bytes: Uint8Array): void {
  const verifier = eventVerifier(table);
  if (verifier.read(bytes) === undefined) return;
  const event = decodeEvent(bytes);
  claim(event.table === table.name, "a verified event is of its table");
  claim(verifyRow(table, event.row).ok, "the row of a verified event is ok");
  const exact = (row: RowRecord): unknown =>
    Object.entries(row)
      .map(([name, value]) => [name, typeof value === "number" ? BigInt(value) : value])
      .sort();
  claimSame(exact(verifier.rowOf(bytes)), exact(event.row), "the row of a verified event");
}

export const targets: readonly FuzzTarget[] = [
  {
    name: "sealed-row/sealed-event",
    seeds: () => [new Uint8Array(64), new Uint8Array(200).fill(7), ...seeds()],
    share: 0.5,
    run(input) {
      const script = new Script(input);
      const sealed = rowOf(script);
      if (sealed === undefined) return;
      const [table, row] = sealed;
      let bytes = Buffer.from(encodeEvent(table.name, row));
      claimVerdicts(table, bytes);
      claim(verifyRow(table, row).ok, "what was sealed verifies");
      // The same event with another spelling, or other content.
      while (!script.isDone) {
        const at = script.u16() % bytes.length;
        const removed = script.u8() & 7;
        const inserted = script.take(script.u8() & 7);
        bytes = Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)]);
        if (bytes.length === 0) return;
        claimVerdicts(table, bytes);
      }
    },
  },
  {
    name: "sealed-row/event",
    seeds,
    maxLength: 6000,
    share: 0.3,
    run(input) {
      const event = unlessRefused(SealedRowError, () => decodeEvent(input));
      for (const table of SEALED_TABLES) claimVerdicts(table, input);
      if (event === undefined) return;
      const encoded = unlessRefused(SealedRowError, () => encodeEvent(event.table, event.row));
      if (encoded !== undefined) claimSame(decodeEvent(encoded), event, "an event");
    },
  },
  {
    name: "sealed-row/witness",
    seeds,
    maxLength: 1000,
    run(input) {
      const text = new TextDecoder().decode(input);
      const fields = parseRowWitness(text);
      if (fields === undefined) return;
      claim(isTimestamp(fields.sealedAtIso), "its time is one");
      const again = unlessRefused(SealedRowError, () => rowWitness(fields.table, fields));
      if (again !== undefined) claimSame(again, text, "the witness of its fields");
    },
  },
  {
    name: "sealed-row/quintet-text",
    seeds,
    maxLength: 1000,
    run(input) {
      const text = new TextDecoder().decode(input);
      claimSame(readQuintet(text), readQuintet(text), "what is read");
    },
  },
];
