import { encodePortable } from "@gaiaftcl/canonical-json";
import { ensureIdentityText, isSha256Hex, type Sha256Hex, sha256Hex } from "@gaiaftcl/witness";
import { ownValue } from "./column-value.js";
import { SealedRowError } from "./sealed-row-error.js";
import { ensureSealedTable, type RowRecord, type SealedTable } from "./sealed-table.js";
import { ensureTimestamp, isTimestamp } from "./timestamp.js";

/** What stands for the hash of the row before the first one: 64 zeros. */
export const GENESIS_HASH: Sha256Hex = "0".repeat(64) as Sha256Hex;

const HASH_LENGTH = 64;
const ID_LABEL = ";id=";
const PREVIOUS_LABEL = ";prev=";
const DIGEST_LABEL = ";payload_digest=";

/** The fields a row witness is made of (cell format, section 5). */
export interface RowWitnessFields {
  readonly cellId: string;
  readonly domainId: string;
  /** `sealed_at_iso`: UTC with milliseconds. */
  readonly sealedAtIso: string;
  /** The value of the table's id column. */
  readonly id: string;
  /** The witness hash of the row before, or `GENESIS_HASH`. */
  readonly previous: string;
  readonly payloadDigest: string;
}

/**
 * The hex SHA-256 of the portable canonical JSON of the table's own columns, the id column among
 * them: integers as integers, NULL as null (cell format, section 5).
 *
 * @param row must have every own column of the table; other columns are not looked at
 * @throws SealedRowError `TABLE_UNKNOWN`, `COLUMN_MISSING`, `COLUMN_INVALID`
 */
export function payloadDigest(tableOrName: SealedTable | string, row: RowRecord): Sha256Hex {
  const table = ensureSealedTable(tableOrName);
  const payload: Record<string, string | number | null> = {};
  for (const column of table.columns) payload[column.name] = ownValue(table, column, row);
  return sha256Hex(encodePortable(payload));
}

/**
 * The canonical witness of a row (cell format, section 5). Every field is checked, so that no two
 * sets of fields share a text.
 *
 * @throws SealedRowError `TABLE_UNKNOWN`, `IDENTITY_INVALID`, `TIME_INVALID`, `HASH_INVALID`
 */
export function rowWitness(tableOrName: SealedTable | string, fields: RowWitnessFields): string {
  const { name } = ensureSealedTable(tableOrName);
  ensureText("cell_id", fields.cellId);
  ensureText("domain_id", fields.domainId);
  ensureTimestamp("sealed_at_iso", fields.sealedAtIso);
  ensureText("id", fields.id);
  ensureHash("prev", fields.previous);
  ensureHash("payload_digest", fields.payloadDigest);
  return joinWitness(name, fields);
}

/** The text alone, for fields that were checked before. */
export function joinWitness(table: string, fields: RowWitnessFields): string {
  const head = witnessHead(table, fields.cellId, fields.domainId);
  return `${head}${fields.sealedAtIso};id=${fields.id};prev=${fields.previous};payload_digest=${fields.payloadDigest}`;
}

/** What the witnesses of all rows of a table, cell and domain begin with, up to the time. */
export function witnessHead(table: string, cellId: string, domainId: string): string {
  return `sealed;table=${table};cell=${cellId};domain=${domainId};at=`;
}

/**
 * Whether a text is what `joinWitness` makes of the fields, of which the head stands for the first
 * ones. Without `previous` it may name any row before. Comparing piece by piece is several times as fast
 * as putting the text together for it.
 */
export function isWitnessOf(
  witness: string,
  head: string,
  fields: Pick<RowWitnessFields, "sealedAtIso" | "id" | "payloadDigest"> & {
    readonly previous?: string | undefined;
  },
): boolean {
  const { sealedAtIso, id, previous, payloadDigest } = fields;
  const idAt = head.length + sealedAtIso.length + ID_LABEL.length;
  const previousAt = idAt + id.length + PREVIOUS_LABEL.length;
  const digestAt = previousAt + HASH_LENGTH + DIGEST_LABEL.length;
  const stated = witness.substring(previousAt, previousAt + HASH_LENGTH);
  return (
    witness.substring(digestAt) === payloadDigest &&
    witness.substring(0, head.length) === head &&
    witness.substring(head.length, idAt - ID_LABEL.length) === sealedAtIso &&
    witness.substring(idAt - ID_LABEL.length, idAt) === ID_LABEL &&
    witness.substring(idAt, previousAt - PREVIOUS_LABEL.length) === id &&
    witness.substring(previousAt - PREVIOUS_LABEL.length, previousAt) === PREVIOUS_LABEL &&
    (previous === undefined ? isSha256Hex(stated) : stated === previous) &&
    witness.substring(previousAt + HASH_LENGTH, digestAt) === DIGEST_LABEL
  );
}

const WITNESS =
  /^sealed;table=([^;=|]+);cell=([^;=|]*);domain=([^;=|]*);at=([^;=|]*);id=([^;=|]*);prev=([0-9a-f]{64});payload_digest=([0-9a-f]{64})$/;

/**
 * Takes a row witness apart, for a reader that has the text but not the row, such as a Franklin
 * client. The text proves nothing by itself: recompute it from what it should cover.
 *
 * @returns `undefined` for a text that no row of this format can have
 */
export function parseRowWitness(
  text: string,
): (RowWitnessFields & { readonly table: string }) | undefined {
  const [, table, cellId, domainId, sealedAtIso, id, previous, digest] = WITNESS.exec(text) ?? [];
  if (
    table === undefined ||
    cellId === undefined ||
    domainId === undefined ||
    sealedAtIso === undefined ||
    id === undefined ||
    previous === undefined ||
    digest === undefined
  ) {
    return undefined;
  }
  if (!isTimestamp(sealedAtIso) || ![table, cellId, domainId, id].every(isText)) return undefined;
  return { table, cellId, domainId, sealedAtIso, id, previous, payloadDigest: digest };
}

/** The `prev` of a witness text, or `undefined` where it has none at the place it must stand. */
export function previousOf(witness: string): string | undefined {
  const digestAt = witness.length - DIGEST_LABEL.length - HASH_LENGTH;
  const previousAt = digestAt - HASH_LENGTH;
  if (
    previousAt < PREVIOUS_LABEL.length ||
    !witness.startsWith(DIGEST_LABEL, digestAt) ||
    !witness.startsWith(PREVIOUS_LABEL, previousAt - PREVIOUS_LABEL.length)
  ) {
    return undefined;
  }
  const previous = witness.slice(previousAt, digestAt);
  return isSha256Hex(previous) ? previous : undefined;
}

/** @throws SealedRowError `IDENTITY_INVALID` where the text cannot stand in a witness. */
export function ensureText(name: string, value: string): string {
  try {
    return ensureIdentityText(name, value);
  } catch (cause) {
    throw new SealedRowError("IDENTITY_INVALID", messageOf(cause), { cause });
  }
}

/** True for a text that may stand in a witness: see `ensureText`. */
function isText(value: string): boolean {
  try {
    ensureIdentityText("text", value);
    return true;
  } catch {
    return false;
  }
}

/** @throws SealedRowError `HASH_INVALID` */
export function ensureHash(name: string, value: string): Sha256Hex {
  if (isSha256Hex(value)) return value;
  throw new SealedRowError(
    "HASH_INVALID",
    `${name}: expected 64 lower-case hex digits, found ${JSON.stringify(String(value).slice(0, 80))}`,
  );
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
