import { facets, type SealIdentity, type Sha256Hex, witnessHash } from "@gaiaftcl/witness";
import { LARGEST_INTEGER, valueProblem } from "./column-value.js";
import { ensureHash, ensureText, messageOf, payloadDigest, rowWitness } from "./row-witness.js";
import { SealedRowError } from "./sealed-row-error.js";
import {
  ensureSealedTable,
  type RowRecord,
  type RowValue,
  type SealedTable,
} from "./sealed-table.js";
import { ensureTimestamp } from "./timestamp.js";

/** What is sealed, by whom, when, and after which row. */
export interface SealRowInput {
  /** The table's own columns; a nullable one may be absent, which means NULL. */
  readonly columns: RowRecord;
  readonly cellId: string;
  readonly domainId: string;
  /** The path of the artifact that the row mirrors; absent or empty means none. */
  readonly leanArtifactPath?: string | undefined;
  /** A block height, at most 2^63 − 1; absent means none. */
  readonly tauBlock?: bigint | number | undefined;
  /** UTC with milliseconds, `2026-11-20T00:00:00.000Z`. */
  readonly sealedAtIso: string;
  /** From when the row is due for broadcast; absent means NULL. */
  readonly broadcastAtIso?: string | undefined;
  /** The witness hash of the row before, or `GENESIS_HASH` for the first row of the table. */
  readonly previous: string;
}

/**
 * Seals one row (cell format, section 5): everything an INSERT needs but `seq`, in the order of
 * the table's columns. Pure: the time and the previous hash come from the caller, which must read
 * the latter in the transaction it inserts in.
 *
 * @throws SealedRowError where the row cannot be sealed; nothing of it exists then
 */
export function sealRow(tableOrName: SealedTable | string, input: SealRowInput): RowRecord {
  const table = ensureSealedTable(tableOrName);
  const own = ownColumns(table, input.columns);
  ensureId(table, own);
  const identity = ensureIdentity(input);
  const sealedAtIso = ensureTimestamp("sealed_at_iso", input.sealedAtIso);
  const witness = rowWitness(table, {
    cellId: input.cellId,
    domainId: input.domainId,
    sealedAtIso,
    id: own[table.idColumn] as string,
    previous: ensureHash("previous", input.previous),
    payloadDigest: payloadDigest(table, own),
  });
  const hash: Sha256Hex = witnessHash(witness);
  return {
    ...own,
    cell_id: input.cellId,
    domain_id: input.domainId,
    lean_artifact_path: identity.leanArtifactPath ?? null,
    tau_block: identity.tauBlock ?? null,
    sealed_at_iso: sealedAtIso,
    nats_broadcast_at_iso:
      input.broadcastAtIso === undefined
        ? null
        : ensureTimestamp("nats_broadcast_at_iso", input.broadcastAtIso),
    canonical_witness: witness,
    witness_hash_sha256: hash,
    signature_quintet: JSON.stringify(facets(identity, hash)),
    nats_subject_sealed: table.subject,
  };
}

/** The own columns in table order, safe integers as `number`, absent nullable ones as null. */
function ownColumns(table: SealedTable, columns: RowRecord): Record<string, RowValue> {
  const own: Record<string, RowValue> = {};
  for (const column of table.columns) {
    const given = Object.hasOwn(columns, column.name) ? columns[column.name] : undefined;
    const value = given === undefined && column.nullable ? null : given;
    if (value === undefined) {
      throw new SealedRowError("COLUMN_MISSING", `${table.name}: no value for ${column.name}`);
    }
    const problem = valueProblem(column, value, column.nullable);
    if (problem !== undefined) {
      throw new SealedRowError("COLUMN_INVALID", `${table.name}.${column.name}: ${problem}`);
    }
    own[column.name] = typeof value === "bigint" ? Number(value) : value;
  }
  for (const name of Object.keys(columns)) {
    if (Object.hasOwn(own, name)) continue;
    throw new SealedRowError(
      "COLUMN_UNKNOWN",
      `${table.name} has no column ${JSON.stringify(name)} of its own; it has ${table.columns.map((column) => column.name).join(", ")}`,
    );
  }
  return own;
}

function ensureIdentity(input: SealRowInput): SealIdentity {
  const leanArtifactPath = input.leanArtifactPath ?? "";
  if (leanArtifactPath !== "") ensureText("lean_artifact_path", leanArtifactPath);
  return {
    cellId: ensureText("cell_id", input.cellId),
    domainId: ensureText("domain_id", input.domainId),
    ...(leanArtifactPath === "" ? {} : { leanArtifactPath }),
    ...(input.tauBlock === undefined ? {} : { tauBlock: ensureTauBlock(input.tauBlock) }),
  };
}

function ensureTauBlock(value: bigint | number): bigint | number {
  try {
    const height = BigInt(value);
    if (height < 0n || height > LARGEST_INTEGER) throw new RangeError(`found ${height}`);
    // One spelling for one height: what fits is a number, as it is after reading an event.
    return Number.isSafeInteger(Number(height)) ? Number(height) : height;
  } catch (cause) {
    throw new SealedRowError(
      "COLUMN_INVALID",
      `tau_block: expected a block height from 0 to 2^63 − 1: ${messageOf(cause)}`,
      { cause },
    );
  }
}

function ensureId(table: SealedTable, own: RowRecord): void {
  if (own[table.idColumn] !== "") return;
  throw new SealedRowError("IDENTITY_INVALID", `${table.name}.${table.idColumn} is empty`);
}
