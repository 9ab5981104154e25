import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeCheckpoint, encodeCheckpoint, openSealed, SealedReaderError } from "./index.js";
import { TestCell } from "./test-cell.testing.js";

const TABLE = "research_telemetry";

describe.each([false, true])("a checkpoint, foreign: %s", (foreign) => {
  it("holds the number of rows and the last one", async () => {
    const cell = new TestCell();
    await using reader = await openSealed(cell.path, { foreign });
    expect(await reader.checkpoint(TABLE)).toEqual({
      table: TABLE,
      count: 0n,
      lastSeq: null,
      lastHash: null,
    });
    cell.telemetry(3);
    cell.seal(TABLE, { telemetry_id: "far", metric: "m" }, { seq: 30n });
    const checkpoint = await reader.checkpoint(TABLE);
    expect(checkpoint).toEqual({
      table: TABLE,
      count: 4n,
      lastSeq: 30n,
      lastHash: cell.lastHash(TABLE),
    });
    expect(decodeCheckpoint(encodeCheckpoint(checkpoint))).toEqual(checkpoint);
  });

  it("tells a table that grew from one that lost or changed rows", async () => {
    const cell = new TestCell();
    await using reader = await openSealed(cell.path, { foreign });
    const empty = await reader.checkpoint(TABLE);
    cell.telemetry(5);
    const previous = await reader.checkpoint(TABLE);
    const compare = async () => {
      const { ok, status } = await reader.compareCheckpoint(previous);
      return [ok, status];
    };
    expect(await compare()).toEqual([true, "same"]);
    expect(await reader.compareCheckpoint(empty)).toMatchObject({ ok: true, status: "extended" });
    cell.telemetry(2);
    expect(await compare()).toEqual([true, "extended"]);
    expect((await reader.compareCheckpoint(previous)).detail).toBe("2 rows more than before");

    cell.database.exec(`DELETE FROM ${TABLE} WHERE seq = 2`);
    expect(await compare()).toEqual([false, "rewritten"]);
    cell.database.exec(`DELETE FROM ${TABLE} WHERE seq = 5`);
    expect(await compare()).toEqual([false, "rewritten"]);
    cell.database.exec(`DELETE FROM ${TABLE} WHERE seq >= 4`);
    expect(await compare()).toEqual([false, "truncated"]);
    cell.database.exec(`DELETE FROM ${TABLE}`);
    expect(await compare()).toEqual([false, "truncated"]);
    expect(await reader.compareCheckpoint(empty)).toMatchObject({ ok: true, status: "same" });
  });

  it("finds a whole chain that was made anew, which verifies by itself", async () => {
    const cell = new TestCell();
    cell.telemetry(5);
    await using reader = await openSealed(cell.path, { foreign });
    const previous = await reader.checkpoint(TABLE);
    cell.database.exec(`DELETE FROM ${TABLE}; DELETE FROM sqlite_sequence`);
    cell.telemetry(5, "another session");
    expect(await reader.verifyAll(TABLE)).toMatchObject({ ok: true });
    expect(await reader.compareCheckpoint(previous)).toMatchObject({
      ok: false,
      status: "rewritten",
    });
  });
});

describe("the text of a checkpoint", () => {
  const hash = "a".repeat(64);

  it("comes back as it went", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        (count, lastSeq) => {
          const checkpoint = { table: TABLE, count, lastSeq, lastHash: hash };
          expect(decodeCheckpoint(encodeCheckpoint(checkpoint))).toEqual(checkpoint);
        },
      ),
    );
  });

  it.each([
    "",
    "[]",
    "{}",
    `{"table":"t","count":1,"last_seq":1,"last_hash":null}`,
    `{"table":"t","count":0,"last_seq":1,"last_hash":"${hash}"}`,
    `{"table":"t","count":1.5,"last_seq":1,"last_hash":"${hash}"}`,
    `{"table":"t\\"; DROP","count":1,"last_seq":1,"last_hash":"${hash}"}`,
    `{"table":"t","count":1,"last_seq":"1","last_hash":"${hash}"}`,
    `{"table":"t","count":1,"last_seq":1,"last_hash":"${hash.toUpperCase()}"}`,
    `{"table":"t","table":"u","count":1,"last_seq":1,"last_hash":"${hash}"}`,
  ])("is refused as %s", (text) => {
    expect(() => decodeCheckpoint(text)).toThrow(SealedReaderError);
  });

  it("never fails with anything but its own error", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        expect(() => decodeCheckpoint(text)).toThrow(SealedReaderError);
      }),
    );
  });
});
