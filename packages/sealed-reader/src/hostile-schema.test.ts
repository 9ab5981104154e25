import { spawnSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ensureSealedTable } from "@gaiaftcl/sealed-row";
import { describe, expect, it } from "vitest";
import { openSealed, type SealedReaderErrorCode } from "./index.js";
import { collect, createStatement, scratchDirectory, TestCell } from "./test-cell.testing.js";

const TABLE = "research_telemetry";
const ENDLESS =
  "WITH RECURSIVE forever(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM forever) SELECT n AS seq, 'x' AS canonical_witness, 'y' AS witness_hash_sha256, 'z' AS signature_quintet, 's' AS nats_subject_sealed FROM forever";

/** A database whose schema is what the statements make it, and which no cell wrote. */
function hostile(...statements: readonly string[]): string {
  const path = join(scratchDirectory(), "hostile.sqlite");
  const database = new DatabaseSync(path, { defensive: false });
  for (const statement of statements) database.exec(statement);
  database.close();
  return path;
}

/** Rewrites an entry of the schema, as no statement of SQL would. */
function forge(path: string, assignment: string, condition: string): void {
  const database = new DatabaseSync(path, { defensive: false });
  database.exec("PRAGMA writable_schema = ON");
  database.exec(`UPDATE sqlite_schema SET ${assignment} WHERE ${condition}`);
  database.close();
}

const tableDefinition = createStatement(ensureSealedTable(TABLE));

describe.each([false, true])("a hostile schema, foreign: %s", (foreign) => {
  const refused = async (path: string, ...codes: readonly SealedReaderErrorCode[]) => {
    const failure = openSealed(path, { foreign }).then(async (reader) => {
      await using open = reader;
      await collect(open.researchTelemetry());
    });
    await expect(failure).rejects.toMatchObject({ name: "SealedReaderError" });
    const code: unknown = await failure.catch((cause: { code: unknown }) => cause.code);
    expect(codes).toContain(code);
  };

  it("is refused where a sealed name is a view", async () => {
    await refused(hostile(`CREATE VIEW ${TABLE} AS SELECT 1 AS seq`), "TABLE_NOT_REAL");
  });

  it("is refused at once, whichever sealed name it is", async () => {
    const path = hostile(tableDefinition, `CREATE VIEW franklin_commands AS ${ENDLESS}`);
    await expect(openSealed(path, { foreign })).rejects.toMatchObject({ code: "TABLE_NOT_REAL" });
  });

  it("is refused where that view would never end", async () => {
    await refused(hostile(`CREATE VIEW ${TABLE} AS ${ENDLESS}`), "TABLE_NOT_REAL");
  });

  it("is refused where views nest so that compiling them alone would never end", async () => {
    const layers = Array.from(
      { length: 40 },
      (_, index) =>
        `CREATE VIEW layer${index + 1} AS SELECT a.n FROM layer${index} a, layer${index} b`,
    );
    const path = hostile(
      "CREATE VIEW layer0 AS SELECT 1 AS n",
      ...layers,
      `CREATE VIEW ${TABLE} AS SELECT n AS seq FROM layer40`,
    );
    await refused(path, "TABLE_NOT_REAL");
  });

  it("is refused where a sealed name is a virtual table", async () => {
    await refused(
      hostile(`CREATE VIRTUAL TABLE ${TABLE} USING fts5(canonical_witness)`),
      "TABLE_NOT_REAL",
    );
    await refused(hostile(`CREATE VIRTUAL TABLE ${TABLE} USING dbstat(main)`), "TABLE_NOT_REAL");
  });

  it("is refused where a view is dressed up as a table", async () => {
    const path = hostile(tableDefinition, `CREATE VIEW harmless AS ${ENDLESS}`);
    forge(path, `type = 'table', rootpage = 2`, "name = 'harmless'");
    forge(path, `name = '${TABLE}', tbl_name = '${TABLE}'`, "name = 'harmless'");
    await refused(path, "TABLE_NOT_REAL", "CORRUPT", "SCHEMA_REFUSED");
  });

  it("is refused where the definition of the table is that of a view", async () => {
    const path = hostile(tableDefinition);
    forge(
      path,
      `sql = 'CREATE VIEW ${TABLE} AS ${ENDLESS.replaceAll("'", "''")}'`,
      `name = '${TABLE}'`,
    );
    await refused(path, "TABLE_NOT_REAL", "CORRUPT");
  });

  it("is refused where two entries have the name", async () => {
    const path = hostile(tableDefinition, "CREATE TABLE other (a)");
    forge(path, `name = '${TABLE}', tbl_name = '${TABLE}'`, "name = 'other'");
    await refused(path, "SCHEMA_REFUSED", "CORRUPT");
  });

  it("is refused where the name differs in case", async () => {
    await refused(
      hostile(tableDefinition.replace(TABLE, TABLE.toUpperCase())),
      "SCHEMA_REFUSED",
      "TABLE_MISSING",
    );
  });

  it("is refused where a column is computed while reading", async () => {
    const computed = `hex(zeroblob(400000000))`;
    for (const kind of ["VIRTUAL", "STORED"]) {
      const path = hostile(
        tableDefinition.replace(
          "canonical_witness TEXT NOT NULL",
          `canonical_witness TEXT GENERATED ALWAYS AS (${kind === "VIRTUAL" ? computed : "'x'"}) ${kind}`,
        ),
      );
      await refused(path, "TABLE_UNSUPPORTED");
    }
  });

  it("is refused where a column has a name that SQL or JavaScript might mistake", async () => {
    for (const name of ["__proto__", 'a"b', "a b"]) {
      const path = hostile(
        tableDefinition
          .replace(" STRICT", "")
          .replace("metric TEXT", `metric TEXT, "${name.replaceAll('"', '""')}" TEXT`),
      );
      await refused(path, "TABLE_UNSUPPORTED");
    }
  });

  it("never runs the triggers and checks of the file", async () => {
    const path = hostile(
      tableDefinition.replace(
        "metric TEXT",
        "metric TEXT CHECK (length(hex(zeroblob(900000000))) > 0)",
      ),
      "CREATE TABLE victim (a)",
      `CREATE TRIGGER t AFTER INSERT ON ${TABLE} BEGIN INSERT INTO victim VALUES (1); END`,
    );
    await using reader = await openSealed(path, { foreign });
    expect(await collect(reader.researchTelemetry())).toEqual([]);
  });

  it("does not choose which rows there are by an index that lies", async () => {
    const cell = new TestCell();
    cell.telemetry(3);
    cell.database.exec(
      `CREATE INDEX by_session ON ${TABLE} (session_id); CREATE INDEX by_time ON ${TABLE} (sealed_at_iso); CREATE INDEX by_hash ON ${TABLE} (witness_hash_sha256)`,
    );
    const pages = cell.database
      .prepare("SELECT rootpage FROM sqlite_schema WHERE type = 'index' AND name LIKE 'by_%'")
      .all()
      .map((row) => Number(row["rootpage"]));
    const pageSize = Number(cell.database.prepare("PRAGMA page_size").get()?.["page_size"]);
    cell.database.exec("PRAGMA journal_mode = DELETE");
    cell.close();
    // An empty leaf page in place of each index.
    const script = `import { openSync, writeSync, closeSync } from "node:fs";
      const file = openSync(process.argv[1], "r+");
      for (const page of ${JSON.stringify(pages)}) {
        const leaf = Buffer.alloc(${pageSize});
        leaf[0] = 0x0a; leaf.writeUInt16BE(${pageSize}, 5);
        writeSync(file, leaf, 0, leaf.length, (page - 1) * ${pageSize});
      }
      closeSync(file);`;
    spawnSync(process.execPath, ["--input-type=module", "-e", script, cell.path]);
    await using reader = await openSealed(cell.path, { foreign });
    expect(await collect(reader.researchTelemetry({ session: "s-1" }))).toHaveLength(3);
    expect(await collect(reader.researchTelemetry({ since: "2026-11-20" }))).toHaveLength(3);
    expect(await reader.has(TABLE, cell.path)).toBe(false);
    expect((await reader.checkpoint(TABLE)).count).toBe(3n);
  });

  it("is refused where it is not UTF-8", async () => {
    await refused(hostile("PRAGMA encoding = 'UTF-16le'", tableDefinition), "ENCODING");
  });

  it("is not trusted about the numbers it gave out", async () => {
    const path = hostile(tableDefinition);
    forge(
      path,
      `sql = 'CREATE VIEW sqlite_sequence AS SELECT 1 AS name, 2 AS seq'`,
      "name = 'sqlite_sequence'",
    );
    const failure = openSealed(path, { foreign }).then(async (reader) => {
      await using open = reader;
      return await open.verifyAll(TABLE);
    });
    await expect(failure).rejects.toMatchObject({ name: "SealedReaderError" });
  });
});

it("lists only tables that it would read", async () => {
  const path = hostile(
    `CREATE VIEW their_view AS ${ENDLESS}`,
    "CREATE VIRTUAL TABLE their_index USING fts5(canonical_witness, witness_hash_sha256, signature_quintet, nats_subject_sealed)",
    tableDefinition,
  );
  await using reader = await openSealed(path, { foreign: true });
  expect((await reader.tables()).map(({ table }) => table)).toEqual([TABLE]);
});

it("opens other people's files in a process apart by itself", async () => {
  const cell = new TestCell();
  await using own = await openSealed(cell.path);
  expect(own.isolated).toBe(false);
  chmodSync(cell.path, 0o666);
  await using writableByAll = await openSealed(cell.path);
  expect(writableByAll.isolated).toBe(true);
});
