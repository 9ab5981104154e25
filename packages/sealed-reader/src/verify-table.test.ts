import { describe, expect, it } from "vitest";
import {
  type OpenSealedOptions,
  openSealed,
  type VerifyAllOptions,
  type VerifyProgress,
} from "./index.js";
import { TestCell, timeOf } from "./test-cell.testing.js";

const TABLE = "research_telemetry";

const ways: readonly (readonly [string, OpenSealedOptions, VerifyAllOptions])[] = [
  ["in this thread", { foreign: false }, { threads: 1 }],
  ["in three threads", { foreign: false }, { threads: 3 }],
  ["of a foreign file", { foreign: true }, {}],
];

describe.each(ways)("verifying a table %s", (_, openOptions, verifyOptions) => {
  const verify = async (cell: TestCell, more: VerifyAllOptions = {}) => {
    await using reader = await openSealed(cell.path, openOptions);
    return await reader.verifyAll(TABLE, { ...verifyOptions, ...more });
  };

  it("accepts a table in order", async () => {
    const cell = new TestCell();
    cell.telemetry(700);
    expect(await verify(cell)).toMatchObject({
      table: TABLE,
      ok: true,
      level: "facets",
      rows: 700,
      failed: 0,
      failures: [],
      gapCount: 0,
      missingAtEnd: 0n,
      clockStepCount: 0,
      lastSeq: 700n,
      lastHash: cell.lastHash(TABLE),
      notes: [],
    });
  });

  it("accepts an empty table", async () => {
    expect(await verify(new TestCell())).toMatchObject({
      ok: true,
      rows: 0,
      level: "none",
      summary: "no rows",
    });
  });

  it("finds a changed row and names it", async () => {
    const cell = new TestCell();
    cell.telemetry(40);
    cell.database.exec(`UPDATE ${TABLE} SET value_text = '1' WHERE seq = 17`);
    const verdict = await verify(cell);
    expect(verdict).toMatchObject({ ok: false, failed: 1, level: "none", gapCount: 0 });
    expect(verdict.failures).toMatchObject([{ seq: 17n, report: { ok: false, id: "t-17" } }]);
    expect(verdict.summary).toContain("1 of 40 rows failed; first at seq 17");
  });

  it("finds a removed row, wherever it was", async () => {
    for (const [seq, after] of [
      [1n, 0n],
      [14n, 13n],
      [20n, 19n],
      [27n, 26n],
    ] as const) {
      const cell = new TestCell();
      cell.telemetry(40);
      cell.database.exec(`DELETE FROM ${TABLE} WHERE seq = ${seq}`);
      const verdict = await verify(cell);
      expect(verdict).toMatchObject({
        ok: false,
        failed: 1,
        gapCount: 1,
        gaps: [{ after, before: seq + 1n }],
        failures: [{ seq: seq + 1n }],
      });
      const chain = verdict.failures[0]?.report.checks.find(({ name }) => name === "chain");
      expect(chain?.status).toBe("failed");
    }
  });

  it("finds that the end was cut off", async () => {
    const cell = new TestCell();
    cell.telemetry(40);
    cell.database.exec(`DELETE FROM ${TABLE} WHERE seq > 35`);
    expect(await verify(cell)).toMatchObject({
      ok: false,
      failed: 0,
      rows: 35,
      missingAtEnd: 5n,
      summary: "5 rows missing at the end",
    });
    cell.database.exec(`DELETE FROM ${TABLE}`);
    expect(await verify(cell)).toMatchObject({ ok: false, rows: 0, missingAtEnd: 40n });
  });

  it("finds rows that changed places", async () => {
    const cell = new TestCell();
    cell.telemetry(12);
    cell.database.exec(
      `UPDATE ${TABLE} SET seq = -seq WHERE seq IN (5, 9); UPDATE ${TABLE} SET seq = 14 + seq WHERE seq < 0`,
    );
    const verdict = await verify(cell);
    expect(verdict.ok).toBe(false);
    expect(verdict.failures.map(({ seq }) => seq)).toEqual([5n, 6n, 9n, 10n]);
  });

  it("finds a row put in with a link of its own making", async () => {
    const cell = new TestCell();
    cell.telemetry(4);
    cell.seal(TABLE, { telemetry_id: "forged", metric: "m" }, { previous: "e".repeat(64) });
    cell.telemetry(1);
    expect(await verify(cell)).toMatchObject({ ok: false, failed: 1, failures: [{ seq: 5n }] });
  });

  it("finds a row below the first number", async () => {
    const cell = new TestCell();
    cell.telemetry(3);
    cell.seal(TABLE, { telemetry_id: "low", metric: "m" }, { seq: -9223372036854775808n });
    const verdict = await verify(cell);
    expect(verdict).toMatchObject({ ok: false, rows: 4, gapCount: 1 });
    expect(verdict.failures[0]?.seq).toBe(-9223372036854775808n);
  });

  it("reports a gap that the chain holds across, and a clock that was set back, without failing", async () => {
    const cell = new TestCell();
    cell.telemetry(2);
    cell.seal(TABLE, { telemetry_id: "late", metric: "m" }, { seq: 10n, at: timeOf(500) });
    cell.seal(TABLE, { telemetry_id: "back", metric: "m" }, { at: timeOf(400) });
    expect(await verify(cell)).toMatchObject({
      ok: true,
      gapCount: 1,
      gaps: [{ after: 2n, before: 10n }],
      clockStepCount: 1,
      clockSteps: [{ seq: 11n, from: timeOf(500), to: timeOf(400) }],
      notes: ["seq has 1 gap", "the clock went backwards 1 time"],
    });
  });

  it("counts every failure and lists as many as asked", async () => {
    const cell = new TestCell();
    cell.telemetry(30);
    cell.database.exec(`UPDATE ${TABLE} SET metric = 'x'`);
    const verdict = await verify(cell, { maxListed: 2 });
    expect(verdict.failed).toBe(30);
    expect(verdict.failures.map(({ seq }) => seq)).toEqual([1n, 2n]);
  });

  it("tells how far it is, and stops when asked", async () => {
    const cell = new TestCell();
    cell.telemetry(900);
    const seen: VerifyProgress[] = [];
    await verify(cell, { onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)).toEqual({ table: TABLE, rows: 900, expected: 900 });
    expect(seen.length).toBeGreaterThan(2);
    const stop = new AbortController();
    const reason = new Error("enough");
    const verifying = verify(cell, { signal: stop.signal, onProgress: () => stop.abort(reason) });
    await expect(verifying).rejects.toBe(reason);
  });
});

it("verifies all tables there are, and says which are absent", async () => {
  const cell = new TestCell();
  cell.telemetry(2);
  cell.seal("franklin_commands", { command_id: "c-1" });
  cell.database.exec("DROP TABLE production_submissions");
  await using reader = await openSealed(cell.path);
  const verdict = await reader.verifyAll();
  expect(verdict).toMatchObject({
    ok: true,
    absent: ["production_submissions"],
    summary: "3 rows in 6 tables verified; there is no production_submissions",
  });
  cell.database.exec("DELETE FROM franklin_commands");
  expect(await reader.verifyAll()).toMatchObject({
    ok: false,
    summary: "1 of 6 tables failed; franklin_commands: 1 row missing at the end",
  });
});

it("does not call a file sound that has nothing to verify", async () => {
  const cell = new TestCell();
  const names = cell.database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .all();
  for (const { name } of names) cell.database.exec(`DROP TABLE ${String(name)}`);
  await using reader = await openSealed(cell.path);
  expect(await reader.verifyAll()).toMatchObject({ ok: false, tables: [] });
});

it("refuses options that mean nothing", async () => {
  await using reader = await openSealed(new TestCell().path);
  for (const options of [{ threads: 0 }, { threads: 1.5 }, { maxListed: -1 }]) {
    await expect(reader.verifyAll(TABLE, options)).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
  }
  await expect(reader.verifyAll("no_such_table")).rejects.toMatchObject({ code: "TABLE_MISSING" });
});
