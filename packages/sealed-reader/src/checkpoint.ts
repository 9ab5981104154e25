import { CanonicalJsonError, decode, encode, type JsonValue } from "@gaiaftcl/canonical-json";
import { isSha256Hex } from "@gaiaftcl/witness";
import type { Engine } from "./scan-request.js";
import { SealedReaderError } from "./sealed-reader-error.js";
import { keyBefore } from "./table-scan.js";
import { isTableName } from "./table-shape.js";

/**
 * What a table held at one time; keep it where the file's writer cannot reach it. The witness hash
 * of the last row stands for every row before it, since each names the hash of the one before.
 */
export interface Checkpoint {
  readonly table: string;
  readonly count: bigint;
  /** Null for an empty table. */
  readonly lastSeq: bigint | null;
  readonly lastHash: string | null;
}

/** How a table relates to an earlier checkpoint of it. */
export interface CheckpointComparison {
  /** True for `same` and `extended`. */
  readonly ok: boolean;
  readonly status: "same" | "extended" | "truncated" | "rewritten";
  readonly detail: string;
  readonly previous: Checkpoint;
  readonly current: Checkpoint;
}

export async function takeCheckpoint(
  engine: Engine,
  table: string,
  signal?: AbortSignal,
): Promise<Checkpoint> {
  const { shape, lastKey } = await engine.tail(table, signal);
  if (shape.key === "none") {
    throw new SealedReaderError(
      "TABLE_UNSUPPORTED",
      `${table} has no integer key, so it has no last row to compare against later`,
    );
  }
  if (lastKey === undefined) return { table, count: 0n, lastSeq: null, lastHash: null };
  const count = await countUpTo(engine, table, lastKey, signal);
  const lastHash = (await hashAt(engine, table, lastKey, signal)) ?? null;
  return { table, count, lastSeq: lastKey, lastHash };
}

export async function compareWithCheckpoint(
  engine: Engine,
  previous: Checkpoint,
  signal?: AbortSignal,
): Promise<CheckpointComparison> {
  ensureCheckpoint(previous);
  const { table, count, lastSeq, lastHash } = previous;
  const current = await takeCheckpoint(engine, table, signal);
  const result = (
    status: CheckpointComparison["status"],
    detail: string,
  ): CheckpointComparison => ({
    ok: status === "same" || status === "extended",
    status,
    detail,
    previous,
    current,
  });
  if (lastSeq !== null) {
    if (current.lastSeq === null || current.lastSeq < lastSeq) {
      return result("truncated", `row ${lastSeq} was the last and is gone`);
    }
    const hash = await hashAt(engine, table, lastSeq, signal);
    if (hash === undefined) return result("rewritten", `row ${lastSeq} is gone`);
    if (hash !== lastHash) {
      return result("rewritten", `row ${lastSeq} had the witness hash ${lastHash}, now ${hash}`);
    }
    const found = await countUpTo(engine, table, lastSeq, signal);
    if (found !== count) {
      return result("rewritten", `up to row ${lastSeq} there were ${count} rows, now ${found}`);
    }
  }
  return current.lastSeq === lastSeq
    ? result("same", `${count} rows, as before`)
    : result("extended", `${current.count - count} rows more than before`);
}

/** The checkpoint as canonical JSON, for a file. */
export function encodeCheckpoint(checkpoint: Checkpoint): string {
  const { table, count, lastSeq, lastHash } = ensureCheckpoint(checkpoint);
  return encode({ table, count, last_seq: lastSeq, last_hash: lastHash });
}

/** @throws SealedReaderError `CHECKPOINT_INVALID` */
export function decodeCheckpoint(input: Uint8Array | string): Checkpoint {
  let value: JsonValue;
  try {
    value = decode(input, { maxBytes: 4096, maxDepth: 2, bigints: "bigint" });
  } catch (cause) {
    if (!(cause instanceof CanonicalJsonError)) throw cause;
    throw invalid(cause.message);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid("not an object");
  }
  const member = value as { readonly [key: string]: JsonValue };
  return ensureCheckpoint({
    table: member["table"] as string,
    count: integer(member["count"]) as bigint,
    lastSeq: integer(member["last_seq"]) as bigint | null,
    lastHash: member["last_hash"] as string | null,
  });
}

function integer(value: JsonValue | undefined): JsonValue | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
}

function ensureCheckpoint(value: Checkpoint): Checkpoint {
  const { table, count, lastSeq, lastHash } = value;
  if (typeof table !== "string" || !isTableName(table)) throw invalid("table is no table name");
  if (typeof count !== "bigint" || count < 0n) throw invalid("count is no number of rows");
  const isEmpty = lastSeq === null && lastHash === null && count === 0n;
  const isFull = typeof lastSeq === "bigint" && isSha256Hex(lastHash) && count > 0n;
  if (!isEmpty && !isFull) throw invalid("last_seq and last_hash do not name a last row");
  return { table, count, lastSeq, lastHash };
}

async function countUpTo(
  engine: Engine,
  table: string,
  upTo: bigint,
  signal: AbortSignal | undefined,
): Promise<bigint> {
  let total = 0n;
  let after: bigint | undefined;
  for (;;) {
    const { count, lastKey } = await engine.count(table, after, upTo, signal);
    total += count;
    if (lastKey === undefined || lastKey >= upTo) return total;
    after = lastKey;
  }
}

/** The witness hash of one row as it states it; `undefined` without such a row. */
async function hashAt(
  engine: Engine,
  table: string,
  seq: bigint,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const scan = await engine.scan({ table, after: keyBefore(seq), upTo: seq, limit: 1 }, signal);
  try {
    const { rows } = await scan.next(signal);
    const hash = rows[0]?.values[scan.shape.columns.indexOf("witness_hash_sha256")];
    return rows.length === 0 ? undefined : String(hash);
  } finally {
    await scan.close();
  }
}

function invalid(reason: string): SealedReaderError {
  return new SealedReaderError(
    "CHECKPOINT_INVALID",
    `expected a checkpoint with table, count, last_seq and last_hash: ${reason}; take a new one from a copy you trust`,
  );
}
