import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { explainFailure, isBusy, type Surroundings } from "./explain-failure.js";
import { openSealed } from "./index.js";
import { SealedReaderError } from "./sealed-reader-error.js";
import { collect, scratchDirectory, TestCell } from "./test-cell.testing.js";

const resting: Surroundings = {
  walBytes: undefined,
  hasSharedMemory: false,
  journalBytes: undefined,
  directoryWritable: true,
};

function sqliteError(errcode: number): Error {
  return Object.assign(new Error("sqlite says so"), { code: "ERR_SQLITE_ERROR", errcode });
}

describe("a failure of SQLite", () => {
  it.each([
    [5, resting, "BUSY", "another process holds"],
    [261, resting, "BUSY", "another process holds"],
    [7, resting, "IO", "memory"],
    [8, resting, "WAL_UNREADABLE", "start the cell once"],
    [1288, resting, "WAL_UNREADABLE", "copy the file together with its -wal"],
    [14, resting, "PERMISSION", "may not open it"],
    [14, { ...resting, directoryWritable: false }, "WAL_UNREADABLE", "immutable: true"],
    [
      14,
      { ...resting, directoryWritable: false, walBytes: 4096 },
      "WAL_UNREADABLE",
      "copy the file together with its -wal",
    ],
    [10, resting, "IO", "disk"],
    [522, resting, "CORRUPT", "cut off"],
    [11, resting, "CORRUPT", "damaged"],
    [267, resting, "CORRUPT", "damaged"],
    [18, resting, "VALUE_TOO_LARGE", "maxValueBytes"],
    [23, resting, "SCHEMA_REFUSED", "other than reading"],
    [26, resting, "NOT_A_DATABASE", "encrypted"],
    [1, resting, "IO", "could not read"],
  ])("with code %i is explained with the safe way out", (errcode, around, code, words) => {
    const explained = explainFailure("/data/substrate.sqlite", sqliteError(errcode), around);
    expect(explained).toBeInstanceOf(SealedReaderError);
    expect(explained).toMatchObject({ code, message: expect.stringContaining(words) });
    expect(String(explained)).toContain("/data/substrate.sqlite");
  });

  it("is told from any other", () => {
    const other = new Error("not SQLite");
    expect(explainFailure("/x", other, resting)).toBe(other);
    expect(isBusy(other)).toBe(false);
    expect(isBusy(sqliteError(517))).toBe(true);
  });
});

it("waits for a lock without blocking, and says who to look for when it stays", async () => {
  const cell = new TestCell();
  cell.telemetry(2);
  cell.database.exec("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE");
  await expect(openSealed(cell.path, { busyTimeoutMs: 50 })).rejects.toMatchObject({
    code: "BUSY",
    message: expect.stringContaining("exclusive"),
  });
  const opening = openSealed(cell.path, { busyTimeoutMs: 60_000 });
  // The lock is let go by this very thread, which is not blocked by the waiting.
  setTimeout(() => cell.database.exec("COMMIT"), 50);
  await using reader = await opening;
  expect(await collect(reader.researchTelemetry())).toHaveLength(2);
  cell.database.exec("BEGIN EXCLUSIVE");
  const stop = new AbortController();
  const waiting = collect(reader.researchTelemetry({ signal: stop.signal }));
  setTimeout(() => stop.abort(new Error("enough")), 20);
  await expect(waiting).rejects.toThrow("enough");
  cell.database.exec("COMMIT");
});

describe("a directory this account may not write", () => {
  const closed: string[] = [];
  afterEach(() => {
    for (const directory of closed.splice(0)) {
      chmodSync(directory, 0o700);
      rmSync(directory, { recursive: true, force: true });
    }
  });

  /** Opens the file as an account without privileges, whatever account runs the test. */
  function openAsNobody(path: string, immutable: boolean): string {
    const script = `
      import { openSealed } from ${JSON.stringify(join(import.meta.dirname, "..", "dist", "index.js"))};
      try {
        const reader = await openSealed(process.argv[1], { immutable: ${immutable}, foreign: false });
        let rows = 0;
        for await (const { report } of reader.researchTelemetry()) rows += report.ok ? 1 : 0;
        await reader.close();
        console.log(rows);
      } catch (cause) {
        console.log(cause.code);
      }`;
    const isRoot = process.getuid?.() === 0;
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ["--input-type=module", "-e", script, path],
      { encoding: "utf8", cwd: "/", ...(isRoot ? { uid: 65534, gid: 65534 } : {}) },
    );
    return stdout.trim() || stderr;
  }

  function copyOf(cell: TestCell, ...suffixes: readonly string[]): string {
    const directory = join(scratchDirectory(), "closed");
    mkdirSync(directory);
    const path = join(directory, "substrate.sqlite");
    for (const suffix of ["", ...suffixes]) {
      copyFileSync(`${cell.path}${suffix}`, `${path}${suffix}`);
      chmodSync(`${path}${suffix}`, 0o644);
    }
    chmodSync(dirname(directory), 0o755);
    chmodSync(directory, 0o555);
    closed.push(directory);
    return path;
  }

  it("lets a resting database be read only as immutable", () => {
    const cell = new TestCell();
    cell.telemetry(2);
    cell.close();
    const path = copyOf(cell);
    expect(openAsNobody(path, false)).toBe("WAL_UNREADABLE");
    expect(openAsNobody(path, true)).toBe("2");
  });

  it("lets no database be read whose log lacks its index", () => {
    const cell = new TestCell();
    cell.telemetry(2);
    const path = copyOf(cell, "-wal");
    expect(openAsNobody(path, false)).toBe("WAL_UNREADABLE");
    expect(openAsNobody(path, true)).toBe("IMMUTABLE_UNSAFE");
  });

  it("says so when the file itself may not be read", () => {
    const cell = new TestCell();
    cell.telemetry(1);
    cell.close();
    const path = copyOf(cell);
    chmodSync(path, 0o000);
    if (process.getuid?.() === 0) chownSync(path, 0, 0);
    expect(openAsNobody(path, false)).toBe("PERMISSION");
  });
});
