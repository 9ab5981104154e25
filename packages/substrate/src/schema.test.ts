import { DatabaseSync } from "node:sqlite";
import { SEALED_TABLES } from "@gaiaftcl/sealed-row";
import { describe, expect, it } from "vitest";
import { openSubstrate } from "./substrate.js";
import {
  IDENTITY,
  scratch,
  telemetry,
  temporarySubstrate,
  verifiedRows,
} from "./substrate.testing.js";

/** The first row once more: the same id, seq and witness hash. */
const COPY = "SELECT * FROM research_telemetry WHERE seq = 1";

function copyWith(seq: string, id: string, hash = "witness_hash_sha256"): string {
  return `SELECT ${seq}, ${id}, session_id, metric, value_text, detail_json, cell_id, domain_id,
    lean_artifact_path, tau_block, sealed_at_iso, nats_broadcast_at_iso, canonical_witness, ${hash},
    signature_quintet, nats_subject_sealed FROM research_telemetry WHERE seq = 1`;
}

describe("the schema", () => {
  it("has strict tables with seq, the own columns and those of the seal, in that order", () => {
    using place = temporarySubstrate();
    using database = new DatabaseSync(place.path);
    for (const table of SEALED_TABLES) {
      const columns = database.prepare(`PRAGMA table_info(${table.name})`).all();
      expect(columns.map((column) => column["name"])).toEqual([
        "seq",
        ...table.columns.map((column) => column.name),
        "cell_id",
        "domain_id",
        "lean_artifact_path",
        "tau_block",
        "sealed_at_iso",
        "nats_broadcast_at_iso",
        "canonical_witness",
        "witness_hash_sha256",
        "signature_quintet",
        "nats_subject_sealed",
      ]);
      expect(columns.at(-1)?.["dflt_value"]).toBe(`'${table.subject}'`);
      const [list] = database.prepare(`PRAGMA table_list(${table.name})`).all();
      expect(list).toMatchObject({ type: "table", strict: 1 });
    }
    expect(database.prepare("PRAGMA journal_mode").get()).toMatchObject({ journal_mode: "wal" });
  });
});

/** Another client of the same file, with SQLite's own defaults, which guard nothing. */
describe("another client", () => {
  it.each([
    ["change a row", "UPDATE research_telemetry SET value_text = '9'"],
    [
      "change a row through a conflict",
      `INSERT INTO research_telemetry ${COPY} ON CONFLICT DO UPDATE SET value_text = '9'`,
    ],
    ["remove a row", "DELETE FROM research_telemetry"],
    ["remove one row", "DELETE FROM research_telemetry WHERE seq = 2"],
    ["replace a row by its id", `INSERT OR REPLACE INTO research_telemetry ${COPY}`],
    ["replace a row by its id, in short form", `REPLACE INTO research_telemetry ${COPY}`],
    [
      "replace a row by its seq",
      `INSERT OR REPLACE INTO research_telemetry ${copyWith("1", "'new'")}`,
    ],
    [
      "replace a row by its witness hash",
      `INSERT OR REPLACE INTO research_telemetry ${copyWith("99", "'new'")}`,
    ],
    [
      "put a row before the last one",
      `INSERT INTO research_telemetry ${copyWith("0", "'new'", "'x'")}`,
    ],
    [
      "put a row at a negative seq",
      `INSERT INTO research_telemetry ${copyWith("-1", "'new'", "'x'")}`,
    ],
    [
      "put a number into a text column by a blob",
      `INSERT INTO research_telemetry ${copyWith("99", "x'00'", "'x'")}`,
    ],
    ["change a signature", "UPDATE substrate_cosignatures SET signature = ''"],
    ["remove a signature", "DELETE FROM substrate_cosignatures"],
    [
      "replace a signature",
      "REPLACE INTO substrate_cosignatures SELECT * FROM substrate_cosignatures",
    ],
    [
      "replace a signature by its rowid",
      "REPLACE INTO substrate_cosignatures (rowid, witness_hash_sha256, context, public_key, signature) VALUES (1, '', 'cell_id', '', '')",
    ],
    [
      "sign for a context there is not",
      "INSERT INTO substrate_cosignatures VALUES ('', 'other', '', '')",
    ],
  ])("cannot %s", (_, sql) => {
    using place = temporarySubstrate();
    const [row] = place.substrate.sealAll([
      { table: "research_telemetry", columns: telemetry("t-1") },
      { table: "research_telemetry", columns: telemetry("t-2") },
    ]);
    place.substrate.addCosignature(String(row?.["witness_hash_sha256"]), {
      context: "cell_id",
      publicKey: "ab".repeat(32),
      signature: "A".repeat(86),
    });
    using database = new DatabaseSync(place.path);
    expect(() => database.exec(sql)).toThrow();
    expect(verifiedRows(place.path, "research_telemetry")).toHaveLength(2);
    expect(database.prepare("SELECT count(*) AS n FROM substrate_cosignatures").get()).toEqual(
      expect.objectContaining({ n: 1 }),
    );
  });

  it.each([
    ["not JSON", "x"],
    ["no array", "{}"],
    ["an empty array", "[]"],
    ["four strings", quintet(4)],
    ["six strings", quintet(6)],
    ["upper case", quintet(5).toUpperCase()],
    ["a string too short", quintet(5).replace("aa", "a")],
    ["a string with other letters", quintet(5).replace("aa", "ag")],
    ["a number among them", `[1${quintet(5).slice(67)}`],
    ["a string with something behind a NUL", quintet(5).replace('a"', 'a\\u0000b"')],
    ["selfsigned entries", quintet(5).replaceAll('["', '["selfsigned:')],
  ])("cannot mark a row for broadcast whose quintet is %s", (_, text) => {
    using place = temporarySubstrate();
    place.substrate.seal("research_telemetry", telemetry("t-1"));
    using database = new DatabaseSync(place.path);
    const insert = (broadcastAt: string): void => {
      database
        .prepare(
          `INSERT INTO research_telemetry (telemetry_id, metric, cell_id, domain_id, sealed_at_iso,
             nats_broadcast_at_iso, canonical_witness, witness_hash_sha256, signature_quintet)
           VALUES ('t-2', 'm', 'c', 'd', 'now', ${broadcastAt}, 'w', 'h', ?)`,
        )
        .run(text);
    };
    expect(() => insert("'now'")).toThrow(/five 64-hex/);
    expect(() => insert("NULL")).not.toThrow();
  });

  it("gets the subject of the table by default, and may mark a row with five 64-hex strings", () => {
    using place = temporarySubstrate();
    using database = new DatabaseSync(place.path);
    database.exec(
      `INSERT INTO research_telemetry (telemetry_id, metric, cell_id, domain_id, sealed_at_iso,
         nats_broadcast_at_iso, canonical_witness, witness_hash_sha256, signature_quintet)
       VALUES ('t-2', 'm', 'c', 'd', 'now', 'now', 'w', 'h', '${quintet(5)}')`,
    );
    expect(
      database.prepare("SELECT nats_subject_sealed AS s FROM research_telemetry").get(),
    ).toEqual(expect.objectContaining({ s: "gaiaftcl.substrate.research_telemetry.sealed" }));
  });
});

describe("opening", () => {
  it("leaves the tables of others alone", () => {
    using place = scratch();
    using database = new DatabaseSync(place.path);
    database.exec("CREATE TABLE notes (text); INSERT INTO notes VALUES ('mine')");
    openSubstrate(place.path, IDENTITY).close();
    expect(database.prepare("SELECT text FROM notes").all()).toEqual([
      expect.objectContaining({ text: "mine" }),
    ]);
  });

  it("refuses a database of a newer release, and leaves it as it is", () => {
    using place = scratch();
    openSubstrate(place.path, IDENTITY).close();
    using database = new DatabaseSync(place.path);
    database.exec("PRAGMA user_version = 2");
    expect(() => openSubstrate(place.path, IDENTITY)).toThrow(
      expect.objectContaining({ code: "SCHEMA_NEWER", message: expect.stringContaining("2") }),
    );
    expect(database.prepare("PRAGMA user_version").get()).toMatchObject({ user_version: 2 });
  });

  it.each([
    [
      "a table of that name made by others",
      false,
      "CREATE TABLE research_telemetry (id, witness_hash_sha256)",
    ],
    ["a view of that name", false, "CREATE VIEW research_telemetry AS SELECT 1"],
    ["a trigger that was removed", true, "DROP TRIGGER research_telemetry_refuses_delete"],
    [
      "a trigger that was changed",
      true,
      "DROP TRIGGER research_telemetry_refuses_delete; CREATE TRIGGER research_telemetry_refuses_delete BEFORE DELETE ON research_telemetry BEGIN SELECT 1; END",
    ],
    ["a table that was removed", true, "DROP TABLE research_telemetry"],
    ["a column that was added", true, "ALTER TABLE research_telemetry ADD COLUMN note TEXT"],
  ])("refuses %s", (_, isOurs, sql) => {
    using place = scratch();
    if (isOurs) openSubstrate(place.path, IDENTITY).close();
    using database = new DatabaseSync(place.path);
    database.exec(sql);
    expect(() => openSubstrate(place.path, IDENTITY)).toThrow(
      expect.objectContaining({ code: "SCHEMA_MISMATCH" }),
    );
  });
});

function quintet(count: number): string {
  return JSON.stringify(Array(count).fill("a".repeat(64)));
}
