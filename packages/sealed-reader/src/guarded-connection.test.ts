import { describe, expect, it } from "vitest";
import { openGuarded, prepareExact } from "./guarded-connection.js";
import { runtimeGuards } from "./runtime-guards.js";
import { scratchDirectory, TestCell } from "./test-cell.testing.js";

const options = { immutable: false, maxValueBytes: 100_000 };
const guards = runtimeGuards();

function withConnection(use: (database: ReturnType<typeof openGuarded>) => void): void {
  const cell = new TestCell();
  cell.telemetry(1);
  const database = openGuarded(cell.path, options);
  try {
    use(database);
  } finally {
    database.close();
  }
}

describe("a guarded connection", () => {
  it("cannot write, by any way there is", () => {
    withConnection((database) => {
      for (const sql of [
        "CREATE TABLE t (a)",
        "CREATE TEMP TABLE t (a)",
        "DELETE FROM research_telemetry",
        "UPDATE sqlite_schema SET sql = ''",
        "DROP TABLE research_telemetry",
        `VACUUM INTO '${scratchDirectory()}/copy.sqlite'`,
      ]) {
        expect(() => database.exec(sql)).toThrow();
      }
    });
  });

  it("reads integers exactly and rows as arrays", () => {
    withConnection((database) => {
      const row: unknown = prepareExact(database, "SELECT seq FROM research_telemetry").get();
      expect(row).toEqual([1n]);
    });
  });

  it("does nothing but read, where the runtime has an authorizer", () => {
    const refused = [
      "ATTACH ':memory:' AS other",
      "PRAGMA query_only = OFF",
      "PRAGMA trusted_schema = ON",
      "PRAGMA writable_schema = ON",
      "SELECT randomblob(10)",
      "SELECT load_extension('x')",
      "SELECT hex(zeroblob(1000))",
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
    ];
    withConnection((database) => {
      const ran = refused.filter((sql) => {
        try {
          database.prepare(sql);
          return true;
        } catch {
          return false;
        }
      });
      expect(guards.authorizer ? ran : []).toEqual([]);
    });
  });

  it("loads no value beyond the limit, where the runtime has limits", () => {
    withConnection((database) => {
      const load = (): unknown =>
        database.prepare("SELECT max(?) FROM research_telemetry").get("x".repeat(100_001));
      if (guards.limits) expect(load).toThrow();
      else expect(load).not.toThrow();
    });
  });
});

it("knows by trying what the runtime has", () => {
  const [major = 0] = process.versions.node.split(".").map(Number);
  // Nothing is taken from the version; this is what is known of them.
  if (major >= 26) expect(guards).toEqual({ limits: true, authorizer: true, wholeText: true });
  if (major <= 24) expect(guards).toEqual({ limits: false, authorizer: false, wholeText: false });
});
