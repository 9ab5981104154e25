import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  ensureSealedTable,
  GENESIS_HASH,
  type RowRecord,
  type RowValue,
  SEAL_COLUMNS,
  SEALED_TABLES,
  type SealedTable,
  sealRow,
} from "@gaiaftcl/sealed-row";
import type { Cosignature, Sha256Hex } from "@gaiaftcl/witness";
import { afterEach } from "vitest";

const directories: string[] = [];
const cells: TestCell[] = [];

afterEach(() => {
  for (const cell of cells.splice(0)) cell.close();
  for (const directory of directories.splice(0)) {
    rmSync(directory, { recursive: true, force: true });
  }
});

/** A directory that is removed after the test. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "sealed-reader-"));
  directories.push(directory);
  return directory;
}

/** A cell's database made with plain SQL after the format, independent of its own writer. */
export class TestCell {
  readonly path: string;
  database: DatabaseSync;

  constructor(path: string = join(scratchDirectory(), "substrate.sqlite")) {
    this.path = path;
    this.database = new DatabaseSync(path);
    this.database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
    for (const table of SEALED_TABLES) this.database.exec(createStatement(table));
    this.database.exec(
      "CREATE TABLE IF NOT EXISTS substrate_cosignatures (witness_hash_sha256 TEXT NOT NULL, context TEXT NOT NULL, public_key TEXT NOT NULL, signature TEXT NOT NULL, PRIMARY KEY (witness_hash_sha256, context, public_key)) STRICT",
    );
    cells.push(this);
  }

  /** Closes and opens again, as a writer that restarts. */
  reopen(): void {
    this.close();
    this.database = new DatabaseSync(this.path);
    cells.push(this);
  }

  close(): void {
    if (this.database.isOpen) this.database.close();
  }

  seal(
    tableName: string,
    columns: Readonly<Record<string, RowValue>>,
    options: {
      readonly at?: string;
      readonly cellId?: string;
      readonly previous?: string;
      readonly seq?: bigint;
    } = {},
  ): RowRecord {
    const table = ensureSealedTable(tableName);
    const row = sealRow(table, {
      columns: { ...blank(table), ...columns },
      cellId: options.cellId ?? "test-cell",
      domainId: "tests",
      sealedAtIso: options.at ?? "2026-11-20T00:00:00.000Z",
      broadcastAtIso: options.at ?? "2026-11-20T00:00:00.000Z",
      previous: (options.previous ?? this.lastHash(tableName)) as Sha256Hex,
    });
    const entries = Object.entries(row);
    if (options.seq !== undefined) entries.unshift(["seq", options.seq]);
    const statement = this.database.prepare(
      `INSERT INTO ${tableName} (${entries.map(([name]) => name).join(", ")}) VALUES (${entries.map(() => "?").join(", ")})`,
    );
    // The number it returns may be any of 64 bits.
    statement.setReadBigInts(true);
    statement.run(...entries.map(([, value]) => value));
    return row;
  }

  telemetry(count: number, session = "s-1"): readonly RowRecord[] {
    const start = this.count("research_telemetry");
    return Array.from({ length: count }, (_, index) =>
      this.seal(
        "research_telemetry",
        { telemetry_id: `t-${start + index + 1}`, session_id: session, metric: "drift" },
        { at: timeOf(start + index) },
      ),
    );
  }

  cosign(row: RowRecord, { context, publicKey, signature }: Cosignature): void {
    this.database
      .prepare("INSERT INTO substrate_cosignatures VALUES (?, ?, ?, ?)")
      .run(row["witness_hash_sha256"] ?? null, context, publicKey, signature);
  }

  lastHash(table: string): string {
    const row = this.database
      .prepare(`SELECT witness_hash_sha256 AS hash FROM ${table} ORDER BY seq DESC LIMIT 1`)
      .get();
    return String(row?.["hash"] ?? GENESIS_HASH);
  }

  count(table: string): number {
    return Number(this.database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"]);
  }
}

/** Distinct, rising times. */
export function timeOf(index: number): string {
  return new Date(Date.UTC(2026, 10, 20) + index * 1000).toISOString();
}

export function createStatement(table: SealedTable, suffix = "STRICT"): string {
  const columns = [...table.columns, ...SEAL_COLUMNS].map(({ name, type, nullable }) => {
    const subject = name === "nats_subject_sealed" ? ` DEFAULT '${table.subject}'` : "";
    return `${name} ${type}${nullable ? "" : " NOT NULL"}${subject}`;
  });
  return `CREATE TABLE IF NOT EXISTS ${table.name} (seq INTEGER PRIMARY KEY AUTOINCREMENT, ${columns.join(", ")}) ${suffix}`;
}

/** All items of an iterator. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

function blank(table: SealedTable): Record<string, RowValue> {
  return Object.fromEntries(
    table.columns.map(({ name, type, nullable }) => [
      name,
      nullable ? null : type === "TEXT" ? "" : 0,
    ]),
  );
}
