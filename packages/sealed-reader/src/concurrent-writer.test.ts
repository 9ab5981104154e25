import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { openSealed } from "./index.js";
import { collect, TestCell } from "./test-cell.testing.js";

const TABLE = "research_telemetry";
const writers: ChildProcess[] = [];

afterEach(() => {
  for (const writer of writers.splice(0)) writer.kill("SIGKILL");
});

/** Another process that seals rows, a few in each transaction, until it is killed. */
function startWriter(path: string): ChildProcess {
  const sealedRow = pathToFileURL(
    join(import.meta.dirname, "..", "..", "sealed-row", "dist", "index.js"),
  );
  const script = `
    import { DatabaseSync } from "node:sqlite";
    import { GENESIS_HASH, sealRow } from ${JSON.stringify(sealedRow.href)};
    const database = new DatabaseSync(process.argv[1], { timeout: 10000 });
    let { hash, n } = database.prepare("SELECT coalesce((SELECT witness_hash_sha256 FROM ${TABLE} ORDER BY seq DESC LIMIT 1), ?) AS hash, (SELECT count(*) FROM ${TABLE}) AS n").get(GENESIS_HASH);
    for (;;) {
      database.exec("BEGIN IMMEDIATE");
      for (let k = 0; k < 5; k += 1) {
        n += 1;
        const row = sealRow("${TABLE}", {
          columns: { telemetry_id: "w-" + n, metric: "drift", detail_json: "x".repeat(n % 3000) },
          cellId: "c", domainId: "d", sealedAtIso: new Date().toISOString(), previous: hash,
        });
        hash = row.witness_hash_sha256;
        const names = Object.keys(row);
        database.prepare("INSERT INTO ${TABLE} (" + names + ") VALUES (" + names.map(() => "?") + ")").run(...Object.values(row));
      }
      database.exec("COMMIT");
    }`;
  const writer = spawn(process.execPath, ["--input-type=module", "-e", script, path], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  writers.push(writer);
  return writer;
}

describe.each([false, true])("beside a writer in another process, foreign: %s", (foreign) => {
  it("every snapshot is whole, while rows keep coming", async () => {
    const cell = new TestCell();
    cell.telemetry(5);
    startWriter(cell.path);
    await using reader = await openSealed(cell.path, { foreign });
    let before = 0;
    for (let round = 0; round < 8; round += 1) {
      const rows = await collect(reader.researchTelemetry());
      expect(rows.every(({ report }) => report.ok)).toBe(true);
      // Five in a transaction, all or none.
      expect(rows.length % 5).toBe(0);
      expect(rows.length).toBeGreaterThanOrEqual(before);
      before = rows.length;
      expect(await reader.verifyAll(TABLE)).toMatchObject({ ok: true, missingAtEnd: 0n });
    }
  });

  it("follows through kill -9 and restarts of the writer, without gap or duplicate", async () => {
    const cell = new TestCell();
    cell.close();
    await using reader = await openSealed(cell.path, { foreign });
    const rows = reader.follow(TABLE, { pollIntervalMs: 5 });
    let expected = 1n;
    for (let round = 0; round < 3; round += 1) {
      const writer = startWriter(cell.path);
      const until = expected + 40n;
      while (expected < until) {
        const { value } = await rows.next();
        expect(value).toMatchObject({ seq: expected, report: { ok: true } });
        expected += 1n;
      }
      writer.kill("SIGKILL");
      await once(writer, "exit");
    }
    await rows.return();
    expect(await reader.verifyAll(TABLE)).toMatchObject({ ok: true, failed: 0 });
  });
});

it("reads what a killed writer left, with its log and no one to close it", async () => {
  const cell = new TestCell();
  cell.close();
  const writer = startWriter(cell.path);
  await using early = await openSealed(cell.path);
  for await (const { seq } of early.follow(TABLE, { pollIntervalMs: 5 })) {
    if (seq === 50n) break;
  }
  await early.close();
  writer.kill("SIGKILL");
  await once(writer, "exit");
  for (const foreign of [false, true]) {
    await using reader = await openSealed(cell.path, { foreign });
    const verdict = await reader.verifyAll(TABLE);
    expect(verdict.ok).toBe(true);
    expect(verdict.rows).toBeGreaterThanOrEqual(50);
    expect(verdict.rows % 5).toBe(0);
  }
});

it("verifies in threads from a process that was started with a script on its command line", async () => {
  const cell = new TestCell();
  cell.telemetry(20);
  const script = `
    import { openSealed } from "@gaiaftcl/sealed-reader";
    const reader = await openSealed(process.argv[1]);
    console.log((await reader.verifyAll("${TABLE}", { threads: 2 })).summary);
    await reader.close();`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "-e", script, cell.path],
    { cwd: import.meta.dirname },
  );
  expect(stdout).toContain("20 rows verified (facets)");
});
