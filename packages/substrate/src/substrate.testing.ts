import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { GENESIS_HASH, type RowRecord, SEALED_TABLES, verifyRow } from "@gaiaftcl/sealed-row";
import { openSubstrate, type Substrate, type SubstrateOptions } from "./substrate.js";
import { SubstrateService, type SubstrateServiceOptions } from "./substrate-service.js";

export const IDENTITY = { cellId: "cell-alpha", domainId: "qc020" } as const;

/** A directory that is removed at the end of the block. */
export function scratch(): { readonly directory: string; readonly path: string } & Disposable {
  const directory = mkdtempSync(join(tmpdir(), "substrate-"));
  return {
    directory,
    path: join(directory, "substrate.sqlite"),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** A database in a directory of its own; both go at the end of the block. */
export function temporarySubstrate(
  options: Partial<SubstrateOptions> = {},
): { readonly substrate: Substrate; readonly path: string } & Disposable {
  const place = scratch();
  // The file system's flush is not what these tests are about.
  const substrate = openSubstrate(place.path, { ...IDENTITY, synchronous: "normal", ...options });
  return {
    substrate,
    path: place.path,
    [Symbol.dispose]: () => {
      substrate.close();
      place[Symbol.dispose]();
    },
  };
}

/** A service whose threads run the built code, since they cannot run TypeScript with `.js` imports. */
export function testService(
  substrate: Substrate,
  options: SubstrateServiceOptions = {},
): SubstrateService {
  return new SubstrateService(substrate, { workerUrl: WORKER_URL, ...options });
}

export const WORKER_URL: URL = new URL("../dist/measurement-worker.js", import.meta.url);

export function telemetry(id: string, value = "0.5"): RowRecord {
  return { telemetry_id: id, session_id: "s-1", metric: "drift", value_text: value };
}

/** The rows of a table as anyone would read them, each verified against its seal and the row before. */
export function verifiedRows(path: string, table: string): readonly RowRecord[] {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const statement = database.prepare(`SELECT * FROM ${table} ORDER BY seq`);
    statement.setReadBigInts(true);
    const rows = statement.all() as unknown as readonly RowRecord[];
    let previous: string = GENESIS_HASH;
    rows.forEach((row, index) => {
      const report = verifyRow(table, row, { previous });
      if (!report.ok) throw new Error(`${table} ${index}: ${report.summary}`);
      if (row["seq"] !== BigInt(index + 1)) throw new Error(`${table}: gap at ${index}`);
      previous = row["witness_hash_sha256"] as string;
    });
    return rows;
  } finally {
    database.close();
  }
}

/** Every row of every table, verified. */
export function verifiedCounts(path: string): Readonly<Record<string, number>> {
  return Object.fromEntries(
    SEALED_TABLES.map(({ name }) => [name, verifiedRows(path, name).length]),
  );
}

/** Waits until a condition holds; the test's own time limit ends it otherwise. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

interface MeasurementVectors {
  readonly qc020: {
    readonly session_seed_hex: string;
    readonly rows: readonly {
      readonly cursor_extranonce: number;
      readonly nonce_start: number;
      readonly nonce_count: number;
      readonly leading_zero_nibble_count: number;
      readonly best_nonce: number;
      readonly best_hash_hex: string;
      readonly histogram: readonly number[];
    }[];
  };
}

export const qc020: MeasurementVectors["qc020"] = (
  JSON.parse(
    readFileSync(new URL("../vectors/qc020.json", import.meta.url), "utf8"),
  ) as MeasurementVectors
).qc020;

/** Runs a statement as another client of the file would. */
export function insertRaw(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  try {
    database.exec(sql);
  } finally {
    database.close();
  }
}
