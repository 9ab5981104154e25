import { copyFileSync, renameSync, rmSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openSealed, type SealedRow } from "./index.js";
import { collect, TestCell } from "./test-cell.testing.js";

const TABLE = "research_telemetry";

/** Takes that many rows and leaves the iterator where it is. */
async function take(
  rows: AsyncGenerator<SealedRow, void, undefined>,
  count: number,
): Promise<readonly number[]> {
  const seqs: number[] = [];
  while (seqs.length < count) {
    const { value, done } = await rows.next();
    if (done === true) break;
    expect(value.report).toMatchObject({ ok: true });
    seqs.push(Number(value.seq));
  }
  return seqs;
}

describe.each([false, true])("following a table, foreign: %s", (foreign) => {
  it("goes on from the rows there are to those that come, without gap or duplicate", async () => {
    const cell = new TestCell();
    cell.telemetry(3);
    await using reader = await openSealed(cell.path, { foreign });
    const rows = reader.follow(TABLE, { pollIntervalMs: 5 });
    expect(await take(rows, 3)).toEqual([1, 2, 3]);
    const coming = take(rows, 302);
    cell.telemetry(1);
    await new Promise((resolve) => setImmediate(resolve));
    cell.database.exec("BEGIN");
    cell.telemetry(300);
    cell.database.exec("COMMIT");
    cell.telemetry(1);
    expect(await coming).toEqual(Array.from({ length: 302 }, (_, index) => index + 4));
    await rows.return();
  });

  it("starts after a given row, with its link checked", async () => {
    const cell = new TestCell();
    cell.telemetry(4);
    await using reader = await openSealed(cell.path, { foreign });
    const rows = reader.follow(TABLE, { afterSeq: 3, pollIntervalMs: 5 });
    expect(await take(rows, 1)).toEqual([4]);
    cell.telemetry(1);
    expect(await take(rows, 1)).toEqual([5]);
    await rows.return();
  });

  it("goes on when the writer closes, starts again and writes its log back", async () => {
    const cell = new TestCell();
    await using reader = await openSealed(cell.path, { foreign });
    const rows = reader.follow(TABLE, { pollIntervalMs: 5 });
    const coming = take(rows, 6);
    for (let round = 0; round < 3; round += 1) {
      cell.telemetry(1);
      cell.database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      cell.reopen();
      cell.telemetry(1);
    }
    expect(await coming).toEqual([1, 2, 3, 4, 5, 6]);
    await rows.return();
  });

  it("looks at once when it is given a hint", async () => {
    const cell = new TestCell();
    await using reader = await openSealed(cell.path, { foreign });
    let ring: () => void = () => {};
    let ended = false;
    const hints: AsyncIterable<void> = {
      [Symbol.asyncIterator]: () => ({
        next: () =>
          new Promise((resolve) => {
            ring = () => resolve({ done: false, value: undefined });
          }),
        return: async () => {
          ended = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const rows = reader.follow(TABLE, { hints, pollIntervalMs: 3_600_000 });
    const coming = take(rows, 1);
    // Whether the first look came before or after the row, the hint is about it.
    await reader.lastSeq(TABLE);
    cell.telemetry(1);
    const ringing = setInterval(() => ring(), 20);
    expect(await coming).toEqual([1]);
    clearInterval(ringing);
    await rows.return();
    expect(ended).toBe(true);
  });

  it("polls on when the hints fail or end", async () => {
    const cell = new TestCell();
    await using reader = await openSealed(cell.path, { foreign });
    async function* failing(): AsyncGenerator<void> {
      yield;
      throw new Error("the broker is gone");
    }
    const rows = reader.follow(TABLE, { hints: failing(), pollIntervalMs: 5 });
    const coming = take(rows, 1);
    cell.telemetry(1);
    expect(await coming).toEqual([1]);
    await rows.return();
  });

  it("ends with the signal's reason, also while it waits", async () => {
    const cell = new TestCell();
    await using reader = await openSealed(cell.path, { foreign });
    const stop = new AbortController();
    const waiting = reader.follow(TABLE, { signal: stop.signal }).next();
    setTimeout(() => stop.abort(new Error("enough")), 20);
    await expect(waiting).rejects.toThrow("enough");
  });

  it("gives nothing more once it is aborted, though there are rows", async () => {
    const cell = new TestCell();
    cell.telemetry(20);
    await using reader = await openSealed(cell.path, { foreign });
    const stop = new AbortController();
    const rows = reader.follow(TABLE, { signal: stop.signal });
    expect(await take(rows, 2)).toEqual([1, 2]);
    stop.abort(new Error("enough"));
    await expect(rows.next()).rejects.toThrow("enough");
  });

  it("tells when the file is replaced", async () => {
    const cell = new TestCell();
    cell.telemetry(2);
    const other = new TestCell();
    other.telemetry(9);
    other.close();
    await using reader = await openSealed(cell.path, { foreign });
    const rows = reader.follow(TABLE, { pollIntervalMs: 5 });
    await take(rows, 2);
    const waiting = rows.next();
    renameSync(other.path, cell.path);
    await expect(waiting).rejects.toMatchObject({ code: "FILE_REPLACED" });
  });

  it("tells when rows are removed or the last one is changed", async () => {
    for (const tampering of [
      `DELETE FROM ${TABLE} WHERE seq = 3`,
      `DELETE FROM ${TABLE}`,
      `UPDATE ${TABLE} SET seq = 4 WHERE seq = 3`,
    ]) {
      const cell = new TestCell();
      cell.telemetry(3);
      await using reader = await openSealed(cell.path, { foreign });
      const rows = reader.follow(TABLE, { pollIntervalMs: 5 });
      await take(rows, 3);
      const waiting = rows.next();
      cell.database.exec(tampering);
      await expect(waiting).rejects.toMatchObject({ code: "ROWS_REMOVED" });
    }
    const cell = new TestCell();
    cell.telemetry(1);
    await using reader = await openSealed(cell.path, { foreign });
    await expect(collect(reader.follow(TABLE, { afterSeq: 5 }))).rejects.toMatchObject({
      code: "ROWS_REMOVED",
    });
  });

  it("tells when another database is written over the file", async () => {
    const cell = new TestCell();
    cell.telemetry(2);
    cell.close();
    const other = new TestCell();
    for (let index = 0; index < 9; index += 1) {
      other.seal(TABLE, { telemetry_id: `o-${index}`, metric: "other" });
    }
    other.close();
    await using reader = await openSealed(cell.path, { foreign });
    const rows = reader.follow(TABLE, { pollIntervalMs: 5 });
    await take(rows, 2);
    const waiting = rows.next();
    for (const suffix of ["-wal", "-shm"]) rmSync(`${cell.path}${suffix}`, { force: true });
    copyFileSync(other.path, cell.path);
    await expect(waiting).rejects.toMatchObject({
      code: expect.stringMatching(/^(ROWS_REMOVED|CORRUPT|IO)$/),
    });
  });
});

it("shows a tampered new row as such, and goes on", async () => {
  const cell = new TestCell();
  cell.telemetry(1);
  await using reader = await openSealed(cell.path);
  const rows = reader.follow(TABLE, { pollIntervalMs: 5 });
  await take(rows, 1);
  cell.seal(TABLE, { telemetry_id: "forged", metric: "m" }, { previous: "f".repeat(64) });
  const { value } = await rows.next();
  expect(value?.report.ok).toBe(false);
  cell.telemetry(1);
  expect(await take(rows, 1)).toEqual([3]);
  await rows.return();
});
