import { closeSync, constants, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { MeshLoaderError, reasonOf } from "./mesh-loader-error.js";

/** Whose versions are remembered together. */
export interface TrustKey {
  readonly module: string;
  readonly cellId: string;
  readonly domainId: string;
  /** Whether the federation's signatures were verified: what nobody signed proves nothing to those. */
  readonly signed: boolean;
}

/** A version: when it was produced, and which it is. */
export interface TrustMark {
  /** `YYYY-MM-DDThh:mm:ssZ`, so that texts compare as times. */
  readonly producedAtIso: string;
  readonly witnessHash: string;
}

/** How a version stands to the newest one that was accepted before. */
export type TrustVerdict =
  | { readonly kind: "first" | "same" | "newer" }
  | { readonly kind: "older" | "other"; readonly newest: TrustMark };

/**
 * Remembers the newest version accepted of each module, cell and domain (cell format, section 4). An
 * implementation judges and records in one step that no other process can interrupt.
 */
export interface TrustStore {
  /**
   * Judges a version, and records it when it is the first or newer.
   *
   * A signed version is held against signed ones alone; an unsigned one against all.
   */
  admit(key: TrustKey, mark: TrustMark, options?: { readonly record?: boolean }): TrustVerdict;
}

/**
 * Judges a version by the newest ones accepted before. That it is another of the same time weighs more
 * than that it is old, since no caller can allow that.
 */
function judge(mark: TrustMark, before: readonly TrustMark[]): TrustVerdict {
  const other = before.find(
    ({ producedAtIso, witnessHash }) =>
      producedAtIso === mark.producedAtIso && witnessHash !== mark.witnessHash,
  );
  if (other !== undefined) return { kind: "other", newest: other };
  const [newest] = before.toSorted((a, b) => (a.producedAtIso < b.producedAtIso ? 1 : -1));
  if (newest === undefined) return { kind: "first" };
  if (mark.producedAtIso < newest.producedAtIso) return { kind: "older", newest };
  return { kind: mark.producedAtIso === newest.producedAtIso ? "same" : "newer" };
}

/** Remembers until the process ends: for throw-away cells and tests. */
export class MemoryTrustStore implements TrustStore {
  readonly #marks = new Map<string, TrustMark>();

  admit(key: TrustKey, mark: TrustMark, options: { readonly record?: boolean } = {}): TrustVerdict {
    const text = (signed: boolean): string =>
      JSON.stringify([key.module, key.cellId, key.domainId, signed]);
    const authorities = key.signed ? [true] : [true, false];
    const before = authorities.flatMap((signed) => this.#marks.get(text(signed)) ?? []);
    const verdict = judge(mark, before);
    const accepted = verdict.kind !== "older" && verdict.kind !== "other";
    if (accepted && options.record !== false) this.#marks.set(text(key.signed), mark);
    return verdict;
  }
}

const SCHEMA = `CREATE TABLE IF NOT EXISTS mesh_trust (
  module TEXT NOT NULL,
  cell_id TEXT NOT NULL,
  domain_id TEXT NOT NULL,
  signed INTEGER NOT NULL CHECK (signed IN (0, 1)),
  produced_at_iso TEXT NOT NULL,
  witness_hash_sha256 TEXT NOT NULL,
  PRIMARY KEY (module, cell_id, domain_id, signed)
) STRICT, WITHOUT ROWID`;
const SELECT = `SELECT produced_at_iso, witness_hash_sha256 FROM mesh_trust
  WHERE module = ? AND cell_id = ? AND domain_id = ? AND signed >= ? ORDER BY signed DESC`;
const UPSERT = `INSERT INTO mesh_trust VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET produced_at_iso = excluded.produced_at_iso,
    witness_hash_sha256 = excluded.witness_hash_sha256`;
const BUSY_TIMEOUT_MS = 10_000;

/**
 * Remembers in a SQLite file outside the cache, which processes share. The file is opened for each
 * question, so that nothing has to be closed.
 */
export class SqliteTrustStore implements TrustStore {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** @throws MeshLoaderError `TRUST_STORE` */
  admit(key: TrustKey, mark: TrustMark, options: { readonly record?: boolean } = {}): TrustVerdict {
    let database: DatabaseSync | undefined;
    try {
      database = open(this.path);
      return admitIn(database, key, mark, options.record !== false);
    } catch (cause) {
      throw new MeshLoaderError(
        "TRUST_STORE",
        `the record of accepted versions at ${this.path} cannot be used: ${reasonOf(cause)}; without it an old version could pass for the newest`,
        { cause },
      );
    } finally {
      database?.close();
    }
  }
}

function open(path: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // Made here, since SQLite would let everybody read it.
  closeSync(
    openSync(path, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o600),
  );
  const sqlite = process.getBuiltinModule("node:sqlite");
  const database = new sqlite.DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  database.exec("PRAGMA trusted_schema = OFF");
  return database;
}

function admitIn(
  database: DatabaseSync,
  key: TrustKey,
  mark: TrustMark,
  record: boolean,
): TrustVerdict {
  // One writer at a time, from the question to the answer.
  database.exec("BEGIN IMMEDIATE");
  try {
    database.exec(SCHEMA);
    const { module, cellId, domainId } = key;
    const signed = key.signed ? 1 : 0;
    const rows = database.prepare(SELECT).all(module, cellId, domainId, signed);
    const verdict = judge(mark, rows.map(markOf));
    if (record && (verdict.kind === "first" || verdict.kind === "newer")) {
      const { producedAtIso, witnessHash } = mark;
      database.prepare(UPSERT).run(module, cellId, domainId, signed, producedAtIso, witnessHash);
    }
    database.exec("COMMIT");
    return verdict;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function markOf(row: Readonly<Record<string, unknown>>): TrustMark {
  const { produced_at_iso: producedAtIso, witness_hash_sha256: witnessHash } = row;
  if (typeof producedAtIso !== "string" || typeof witnessHash !== "string") {
    throw new TypeError("a row is not what this program wrote");
  }
  return { producedAtIso, witnessHash };
}
