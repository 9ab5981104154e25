import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ensureSealedTable, sealRow } from "@gaiaftcl/sealed-row";
import { describe, expect, it } from "vitest";
import { openSealed } from "./index.js";
import { collect, createStatement, scratchDirectory, TestCell } from "./test-cell.testing.js";

const TABLE = "research_telemetry";

async function readAll(path: string, foreign: boolean): Promise<readonly boolean[]> {
  await using reader = await openSealed(path, { foreign });
  return (await collect(reader.researchTelemetry())).map(({ report }) => report.ok);
}

/** A database at rest: no log beside it. */
function restingCell(rows: number): string {
  const cell = new TestCell();
  cell.database.exec("BEGIN");
  cell.telemetry(rows);
  cell.database.exec("COMMIT");
  cell.close();
  return cell.path;
}

describe.each([false, true])("a file that is not what it should be, foreign: %s", (foreign) => {
  const refused = async (path: string, code: string) =>
    expect(readAll(path, foreign)).rejects.toMatchObject({
      name: "SealedReaderError",
      code,
      message: expect.stringContaining(path),
    });

  it("is named when it is missing", async () => {
    await refused(join(scratchDirectory(), "substrate.sqlite"), "FILE_MISSING");
    await refused(join(restingCell(1), "inside-a-file"), "FILE_MISSING");
  });

  it("is refused when it is a directory or empty", async () => {
    await refused(scratchDirectory(), "FILE_NOT_REGULAR");
    const empty = join(scratchDirectory(), "empty");
    writeFileSync(empty, "");
    await refused(empty, "FILE_EMPTY");
  });

  it("is refused when it is no database", async () => {
    const path = join(scratchDirectory(), "notes.txt");
    writeFileSync(path, "not a database\n".repeat(500));
    await refused(path, "NOT_A_DATABASE");
  });

  it("is refused when it was cut off", async () => {
    const path = restingCell(200);
    truncateSync(path, 20_000);
    await refused(path, "CORRUPT");
  });

  it("gives what can be read and then the damage", async () => {
    const path = restingCell(500);
    const bytes = readFileSync(path);
    bytes.fill(0xa5, bytes.length - 3 * 4096);
    writeFileSync(path, bytes);
    await using reader = await openSealed(path, { foreign });
    let rows = 0;
    const reading = (async () => {
      for await (const _row of reader.researchTelemetry()) rows += 1;
    })();
    await expect(reading).rejects.toMatchObject({ code: "CORRUPT" });
    expect(rows).toBeGreaterThan(0);
    await expect(reader.verifyAll(TABLE)).rejects.toMatchObject({ code: "CORRUPT" });
    expect((await reader.quickCheck()).length).toBeGreaterThan(0);
  });

  it("never goes round in circles on pages that refer to themselves", async () => {
    const path = restingCell(2000);
    const database = new DatabaseSync(path, { readOnly: true });
    const root = Number(
      database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").get(TABLE)?.[
        "rootpage"
      ],
    );
    database.close();
    const bytes = readFileSync(path);
    const page = bytes.subarray((root - 1) * 4096, root * 4096);
    // An interior page: make every cell point to the child of the first.
    expect(page[0]).toBe(5);
    const first = page.readUInt32BE(page.readUInt16BE(12));
    const cells = page.readUInt16BE(3);
    for (let index = 0; index < cells; index += 1) {
      page.writeUInt32BE(first, page.readUInt16BE(12 + 2 * index));
    }
    page.writeUInt32BE(first, 8);
    writeFileSync(path, bytes);
    await refused(path, "CORRUPT");
  });

  it("is opened through a symbolic link", async () => {
    const path = restingCell(1);
    const link = join(dirname(path), "link");
    symlinkSync(path, link);
    expect(await readAll(link, foreign)).toEqual([true]);
  });

  it("is read with the log that lies beside it, when the -shm file is gone", async () => {
    const cell = new TestCell();
    cell.telemetry(2);
    const copy = join(scratchDirectory(), "copy.sqlite");
    copyFileSync(cell.path, copy);
    copyFileSync(`${cell.path}-wal`, `${copy}-wal`);
    expect(await readAll(copy, foreign)).toEqual([true, true]);
  });

  it("is read without its log when that is gone, up to what was written back", async () => {
    const cell = new TestCell();
    cell.telemetry(2);
    cell.database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    cell.telemetry(1);
    const copy = join(scratchDirectory(), "copy.sqlite");
    copyFileSync(cell.path, copy);
    expect(await readAll(copy, foreign)).toEqual([true, true]);
  });

  it("is read immutable only while no log lies beside it", async () => {
    const cell = new TestCell();
    cell.telemetry(1);
    const open = () => openSealed(cell.path, { foreign, immutable: true });
    await expect(open()).rejects.toMatchObject({ code: "IMMUTABLE_UNSAFE" });
    cell.close();
    await using reader = await open();
    expect(await collect(reader.researchTelemetry())).toHaveLength(1);
    mkdirSync(`${cell.path}.d`);
    // Nothing was created beside it.
    expect(() => readFileSync(`${cell.path}-shm`)).toThrow("ENOENT");
  });

  it("says so when it is replaced under the reader", async () => {
    const path = restingCell(1);
    await using reader = await openSealed(path, { foreign });
    const other = restingCell(2);
    rmSync(path);
    copyFileSync(other, path);
    await expect(collect(reader.researchTelemetry())).rejects.toMatchObject({
      code: "FILE_REPLACED",
    });
    rmSync(path);
    await expect(reader.checkpoint(TABLE)).rejects.toMatchObject({ code: "FILE_REPLACED" });
  });

  it("is refused a value larger than allowed, and read after it", async () => {
    const cell = new TestCell();
    cell.telemetry(1);
    cell.seal(TABLE, { telemetry_id: "huge", metric: "m", detail_json: "x".repeat(3_000_000) });
    cell.telemetry(1);
    await using reader = await openSealed(cell.path, { foreign, maxValueBytes: 1_000_000 });
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const { seq } of reader.researchTelemetry()) seen.push(seq);
    })();
    await expect(reading).rejects.toMatchObject({ code: "VALUE_TOO_LARGE" });
    const after = await collect(reader.researchTelemetry({ afterSeq: 2 }));
    expect(after.map(({ report }) => report.ok)).toEqual([true]);
    await using generous = await openSealed(cell.path, { foreign });
    expect((await generous.verifyAll(TABLE)).ok).toBe(true);
  });
});

describe.each([false, true])("values that are not what the table says, foreign: %s", (foreign) => {
  /** A table of the right name and columns that checks no types, with one value exchanged. */
  function looseCell(column: string, expression: string): string {
    const table = ensureSealedTable(TABLE);
    const path = join(scratchDirectory(), "loose.sqlite");
    const database = new DatabaseSync(path);
    database.exec(createStatement(table, ""));
    const row = sealRow(table, {
      columns: { telemetry_id: "t-1", metric: "m", value_text: "a\uFFFDb", detail_json: "ab" },
      cellId: "c",
      domainId: "d",
      sealedAtIso: "2026-11-20T00:00:00.000Z",
      previous: "0".repeat(64) as never,
    });
    const names = Object.keys(row);
    database
      .prepare(
        `INSERT INTO ${TABLE} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
      )
      .run(...Object.values(row));
    database.exec(`UPDATE ${TABLE} SET ${column} = ${expression}`);
    database.close();
    return path;
  }

  it("verify when they are what was sealed, U+FFFD included", async () => {
    expect(await readAll(looseCell("value_text", "value_text"), foreign)).toEqual([true]);
  });

  it.each([
    ["bytes that are no UTF-8 and would read as U+FFFD", "value_text", "CAST(x'61ff62' AS TEXT)"],
    ["text that would be cut off at a NUL", "detail_json", "CAST(x'61620063' AS TEXT)"],
    ["a NUL where a runtime would stop", "metric", "CAST(x'6d00' AS TEXT)"],
    ["a surrogate in UTF-8", "metric", "CAST(x'eda080' AS TEXT)"],
    ["a blob of the same bytes", "metric", "CAST(metric AS BLOB)"],
    ["a number", "metric", "1.5"],
    ["an integer beyond 64 bits", "metric", "9223372036854775808"],
    ["an infinity", "tau_block", "9e999"],
    ["an integer beyond what JSON carries", "tau_block", "9223372036854775807"],
    ["NULL", "signature_quintet", "'null'"],
    ["a hash that is a blob", "witness_hash_sha256", "CAST(witness_hash_sha256 AS BLOB)"],
    ["a hash with a NUL after it", "witness_hash_sha256", "witness_hash_sha256 || char(0)"],
  ])("fail as %s", async (_, column, expression) => {
    const path = looseCell(column, expression);
    expect(await readAll(path, foreign)).toEqual([false]);
    await using reader = await openSealed(path, { foreign });
    expect(await reader.verifyAll(TABLE)).toMatchObject({ ok: false, failed: 1 });
  });

  it("arrive as they are", async () => {
    const value = async (column: string, expression: string) => {
      await using reader = await openSealed(looseCell(column, expression), { foreign });
      const [found] = await collect(reader.researchTelemetry());
      return found?.row[column];
    };
    expect(await value("metric", "CAST(x'61ff' AS TEXT)")).toEqual(new Uint8Array([0x61, 0xff]));
    expect(await value("metric", "CAST(x'610062' AS TEXT)")).toBe("a\u0000b");
    expect(await value("metric", "x'0001'")).toEqual(new Uint8Array([0, 1]));
    expect(await value("tau_block", "-9223372036854775808")).toBe(-9223372036854775808n);
    expect(await value("tau_block", "-9e999")).toBe(Number.NEGATIVE_INFINITY);
    expect(await value("tau_block", "0.1")).toBe(0.1);
  });

  it("break the link of the row after one whose hash is no hash", async () => {
    const cell = new TestCell();
    cell.telemetry(3);
    cell.database.exec(`UPDATE ${TABLE} SET witness_hash_sha256 = 'short' WHERE seq = 1`);
    expect(await readAll(cell.path, foreign)).toEqual([false, false, true]);
    await using reader = await openSealed(cell.path, { foreign });
    const [second] = await collect(
      reader.researchTelemetry({ afterSeq: 1, session: "s-1", limit: 1 }),
    );
    expect(second?.report.checks.at(-1)).toMatchObject({ name: "chain", status: "failed" });
  });
});
