import { SEALED_TABLES } from "@gaiaftcl/sealed-row";
import { describe, expect, it } from "vitest";
import { openSealed } from "./index.js";
import { collect, TestCell, timeOf } from "./test-cell.testing.js";

const modes = [
  ["in this process", false],
  ["in a process apart", true],
] as const;

describe.each(modes)("reading %s", (_, foreign) => {
  it("yields each row with its report, in the order they were sealed", async () => {
    const cell = new TestCell();
    const sealed = cell.telemetry(3);
    await using reader = await openSealed(cell.path, { foreign });
    expect(reader.isolated).toBe(foreign);
    const rows = await collect(reader.researchTelemetry());
    expect(rows.map(({ seq }) => seq)).toEqual([1n, 2n, 3n]);
    expect(rows.map(({ row }) => row)).toEqual(
      sealed.map((row, index) => ({ seq: BigInt(index + 1), ...row })),
    );
    for (const { report, row } of rows) {
      expect(report).toMatchObject({ ok: true, level: "facets", id: row["telemetry_id"] });
      expect(report.checks).toContainEqual({ name: "chain", status: "passed" });
    }
  });

  it("keeps 64-bit integers exact", async () => {
    const cell = new TestCell();
    cell.seal("qc020_joint_variation_evidence", {
      evidence_id: "e-1",
      nonce_count: 9_007_199_254_740_991n,
    });
    cell.database.exec(
      "UPDATE qc020_joint_variation_evidence SET tau_block = 9007199254740993, best_nonce = -9223372036854775808",
    );
    await using reader = await openSealed(cell.path, { foreign });
    const [found] = await collect(reader.jointVariationEvidence());
    expect(found?.row).toMatchObject({
      nonce_count: 9_007_199_254_740_991n,
      tau_block: 9_007_199_254_740_993n,
      best_nonce: -9_223_372_036_854_775_808n,
    });
    expect(found?.report.ok).toBe(false);
  });

  it("filters by time and session, limits, and reads backwards with every link checked", async () => {
    const cell = new TestCell();
    for (let index = 0; index < 20; index += 1) {
      cell.telemetry(1, index % 2 === 0 ? "even" : "odd");
    }
    await using reader = await openSealed(cell.path, { foreign });
    const seqs = async (options: Parameters<typeof reader.researchTelemetry>[0]) => {
      const rows = await collect(reader.researchTelemetry(options));
      expect(rows.every(({ report }) => report.ok)).toBe(true);
      return rows.map(({ seq }) => Number(seq));
    };
    expect(await seqs({ session: "odd", limit: 3 })).toEqual([2, 4, 6]);
    expect(await seqs({ since: timeOf(5), until: new Date(timeOf(7)) })).toEqual([6, 7, 8]);
    expect(await seqs({ since: "2026-11-21" })).toEqual([]);
    expect(await seqs({ order: "descending", limit: 2 })).toEqual([20, 19]);
    expect(await seqs({ order: "descending", session: "even", limit: 2 })).toEqual([19, 17]);
    expect(await seqs({ afterSeq: 18 })).toEqual([19, 20]);
    expect(await seqs({ afterSeq: 17n, order: "descending", session: "even" })).toEqual([19]);
    expect(await seqs({ limit: 0 })).toEqual([]);
  });

  it("reads more rows than fit in a batch or a filter's window", async () => {
    const cell = new TestCell();
    cell.database.exec("BEGIN");
    cell.telemetry(6000, "common");
    cell.telemetry(1, "rare");
    cell.database.exec("COMMIT");
    await using reader = await openSealed(cell.path, { foreign });
    const all = await collect(reader.researchTelemetry());
    expect(all.map(({ seq }) => Number(seq))).toEqual(all.map((_row, index) => index + 1));
    expect(all).toHaveLength(6001);
    expect(all.every(({ report }) => report.ok)).toBe(true);
    const rare = await collect(reader.researchTelemetry({ session: "rare" }));
    expect(rare.map(({ seq }) => seq)).toEqual([6001n]);
    const first = await collect(
      reader.researchTelemetry({ session: "common", order: "descending" }),
    );
    expect(first.at(-1)?.seq).toBe(1n);
    expect(first).toHaveLength(6000);
  });

  it("reads over one snapshot, and ends its transaction when the loop is left", async () => {
    const cell = new TestCell();
    cell.telemetry(300);
    await using reader = await openSealed(cell.path, { foreign });
    const seen: bigint[] = [];
    for await (const { seq } of reader.researchTelemetry()) {
      if (seen.length === 0) cell.telemetry(10);
      seen.push(seq ?? 0n);
    }
    expect(seen).toHaveLength(300);
    for await (const _row of reader.researchTelemetry()) break;
    // A checkpoint that has to wait for nobody: no read transaction is left.
    const result = cell.database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
    expect(result).toMatchObject({ busy: 0 });
  });

  it("serves several iterators at once, each with its own snapshot", async () => {
    const cell = new TestCell();
    cell.telemetry(2);
    await using reader = await openSealed(cell.path, { foreign });
    const early = reader.researchTelemetry();
    expect((await early.next()).value?.seq).toBe(1n);
    cell.telemetry(1);
    const late = reader.researchTelemetry();
    expect((await collect(late)).map(({ seq }) => seq)).toEqual([1n, 2n, 3n]);
    expect((await collect(early)).map(({ seq }) => seq)).toEqual([2n]);
  });

  it("stops with the signal's reason", async () => {
    const cell = new TestCell();
    cell.telemetry(3);
    await using reader = await openSealed(cell.path, { foreign });
    const stop = new AbortController();
    const reason = new Error("enough");
    const rows = reader.researchTelemetry({ signal: stop.signal });
    await rows.next();
    stop.abort(reason);
    await expect(rows.next()).rejects.toBe(reason);
    await expect(collect(reader.researchTelemetry({ signal: stop.signal }))).rejects.toBe(reason);
  });

  it("shows one development by its id, the newest of them", async () => {
    const cell = new TestCell();
    cell.seal("substrate_developments", { development_id: "d-1", title: "old" });
    cell.seal("substrate_developments", { development_id: "d-1", title: "new" });
    await using reader = await openSealed(cell.path, { foreign });
    const found = await reader.showSubstrateDevelopment("d-1");
    expect(found?.row["title"]).toBe("new");
    expect(found?.report.ok).toBe(true);
    expect(await reader.showSubstrateDevelopment("d-2")).toBeUndefined();
    expect(await collect(reader.listSubstrateDevelopments())).toHaveLength(2);
  });

  it("has a reader for each of the sealed tables, and lists them", async () => {
    const cell = new TestCell();
    for (const table of SEALED_TABLES) cell.seal(table.name, { [table.idColumn]: "x-1" });
    await using reader = await openSealed(cell.path, { foreign });
    const reads = [
      reader.heartbeatHistory(),
      reader.jointVariationEvidence(),
      reader.researchTelemetry(),
      reader.constitutionalEvaluations(),
      reader.listSubstrateDevelopments(),
      reader.productionSubmissions(),
      reader.franklinCommands(),
    ];
    for (const [index, rows] of reads.entries()) {
      const [found, ...more] = await collect(rows);
      expect(found?.report).toMatchObject({ ok: true, table: SEALED_TABLES[index]?.name });
      expect(more).toEqual([]);
    }
    const shapes = await reader.tables();
    expect(shapes.map(({ table }) => table)).toEqual(SEALED_TABLES.map(({ name }) => name));
  });

  it("finds a row by its witness hash", async () => {
    const cell = new TestCell();
    const [first, second] = cell.telemetry(2);
    const hash = String(first?.["witness_hash_sha256"]);
    await using reader = await openSealed(cell.path, { foreign });
    expect(await reader.has("research_telemetry", hash)).toBe(true);
    expect(await reader.has("research_telemetry", "0".repeat(64))).toBe(false);
    expect((await reader.find("research_telemetry", hash, { seq: 1n }))?.seq).toBe(1n);
    expect(await reader.find("research_telemetry", hash, { seq: 2n })).toBeUndefined();
    expect(await reader.lastSeq("research_telemetry")).toBe(2n);
    expect(await reader.lastSeq("franklin_commands")).toBeUndefined();
    expect(second?.["telemetry_id"]).toBe("t-2");
  });

  it("shows in the report that a row was changed, removed or moved", async () => {
    const cell = new TestCell();
    cell.telemetry(5);
    cell.database.exec("UPDATE research_telemetry SET metric = 'other' WHERE seq = 2");
    cell.database.exec("DELETE FROM research_telemetry WHERE seq = 3");
    await using reader = await openSealed(cell.path, { foreign });
    const rows = await collect(reader.researchTelemetry());
    expect(rows.map(({ report }) => report.ok)).toEqual([true, false, false, true]);
    const failed = rows.map(({ report }) =>
      report.checks.filter(({ status }) => status === "failed").map(({ name }) => name),
    );
    expect(failed[1]).toEqual(["witness.text"]);
    expect(failed[2]).toContain("chain");
  });

  it("reads a table by others that has only the founding columns", async () => {
    const cell = new TestCell();
    const [row] = cell.telemetry(1);
    cell.database.exec(`
      CREATE TABLE their_rows (id TEXT PRIMARY KEY, canonical_witness TEXT, witness_hash_sha256 TEXT, signature_quintet TEXT, nats_subject_sealed TEXT DEFAULT 'their.rows.sealed');
      CREATE TABLE keyless (id TEXT PRIMARY KEY, canonical_witness TEXT, witness_hash_sha256 TEXT, signature_quintet TEXT, nats_subject_sealed TEXT DEFAULT 'their.rows.sealed') WITHOUT ROWID;
      CREATE TABLE unrelated (id TEXT)`);
    for (const table of ["their_rows", "keyless"]) {
      cell.database
        .prepare(
          `INSERT INTO ${table} (id, canonical_witness, witness_hash_sha256, signature_quintet) VALUES ('a', ?, ?, ?), ('b', 'changed', ?, ?)`,
        )
        .run(
          row?.["canonical_witness"] ?? null,
          row?.["witness_hash_sha256"] ?? null,
          row?.["signature_quintet"] ?? null,
          row?.["witness_hash_sha256"] ?? null,
          row?.["signature_quintet"] ?? null,
        );
    }
    await using reader = await openSealed(cell.path, { foreign });
    expect((await reader.tables()).slice(-2).map(({ table, key }) => [table, key])).toEqual([
      ["keyless", "none"],
      ["their_rows", "rowid"],
    ]);
    for (const [table, seq] of [
      ["their_rows", 1n],
      ["keyless", undefined],
    ] as const) {
      const [good, bad] = await collect(reader.read(table));
      expect(good).toMatchObject({ seq, report: { ok: true, level: "witness" } });
      expect(
        good?.report.checks.filter(({ status }) => status === "skipped").length,
      ).toBeGreaterThan(2);
      expect(bad?.report.ok).toBe(false);
      expect(await collect(reader.read(table, { limit: 1 }))).toHaveLength(1);
      await expect(collect(reader.read(table, { since: timeOf(0) }))).rejects.toMatchObject({
        code: "OPTION_INVALID",
      });
    }
    expect((await reader.verifyAll("their_rows")).failed).toBe(1);
    await expect(collect(reader.follow("keyless"))).rejects.toMatchObject({
      code: "TABLE_UNSUPPORTED",
    });
    await expect(collect(reader.read("unrelated"))).rejects.toMatchObject({
      code: "TABLE_UNSUPPORTED",
    });
  });
});

it("refuses options that mean nothing", async () => {
  const cell = new TestCell();
  await using reader = await openSealed(cell.path);
  const refused = { code: "OPTION_INVALID" };
  expect(() => reader.researchTelemetry({ limit: -1 })).toThrow(expect.objectContaining(refused));
  expect(() => reader.researchTelemetry({ since: "yesterday" })).toThrow(
    expect.objectContaining(refused),
  );
  expect(() => reader.researchTelemetry({ afterSeq: 2n ** 63n })).toThrow(
    expect.objectContaining(refused),
  );
  expect(() => reader.listSubstrateDevelopments({ session: "s" })).toThrow(
    expect.objectContaining(refused),
  );
  expect(() => reader.read('x"; DROP TABLE y')).toThrow(expect.objectContaining(refused));
  expect(() => reader.read("sqlite_schema")).toThrow(expect.objectContaining(refused));
  await expect(openSealed(cell.path, { deadlineMs: 0 })).rejects.toMatchObject(refused);
});

it("ends its iterators when it is closed", async () => {
  const cell = new TestCell();
  cell.telemetry(300);
  const reader = await openSealed(cell.path);
  const rows = reader.researchTelemetry();
  const following = reader.follow("research_telemetry", { afterSeq: 300 });
  await rows.next();
  const waiting = following.next();
  await reader.close();
  await expect(waiting).rejects.toMatchObject({ code: "CLOSED" });
  await expect(collect(rows)).rejects.toMatchObject({ code: "CLOSED" });
  await expect(reader.verifyAll()).rejects.toMatchObject({ code: "CLOSED" });
  await reader.close();
});
