import { type Sha256Hex, sha256Hex } from "@gaiaftcl/witness";
import { EventLayout } from "./event-layout.js";
import { FacetHasher } from "./facet-hasher.js";
import { isPlainId } from "./plain-id.js";
import { isQuintetOf, QUOTED_QUINTET_FORM } from "./quintet-text.js";
import { isUnsigned, type Requirement } from "./row-report.js";
import { GENESIS_HASH, isWitnessOf, witnessHead } from "./row-witness.js";
import {
  ensureSealedTable,
  type RowRecord,
  type RowValue,
  SEAL_COLUMNS,
  type SealedTable,
} from "./sealed-table.js";
import { isTimestamp } from "./timestamp.js";

const SMALL_N = 0x6e;

/** The event of a row that verified. */
export interface VerifiedEvent {
  readonly id: string;
  readonly witnessHash: Sha256Hex;
  /** Below 2^53. */
  readonly seq: number;
  /** When it was broadcast, in milliseconds after it was sealed; null where it does not say. */
  readonly broadcastAfterMs: number | null;
  /** The two facets that do not follow from the witness. */
  readonly pathFacet: Sha256Hex;
  readonly tauFacet: Sha256Hex;
}

/** Verifies many events of one table on their text, without taking them apart. */
export interface EventVerifier {
  readonly table: SealedTable;
  /**
   * What the event of a row holds, where `decodeEvent` reads the text, it is of this table, and
   * `verifyRow` finds the row ok. `undefined` says nothing: the text may be of a good row that is
   * written in another way, and must go through those two.
   */
  read(text: string): VerifiedEvent | undefined;
  /** The row of an event that was read, with all integers as `bigint`. */
  rowOf(text: string): RowRecord;
}

/** @throws SealedRowError `TABLE_UNKNOWN` */
export function eventVerifier(
  tableOrName: SealedTable | string,
  options: Requirement = {},
): EventVerifier {
  const table = ensureSealedTable(tableOrName);
  const read = isUnsigned(options) ? eventReader(table) : (): undefined => undefined;
  const integers = [...table.columns, ...SEAL_COLUMNS]
    .filter(({ type }) => type === "INTEGER")
    .map(({ name }) => name)
    .concat("seq");
  return { table, read, rowOf: (text) => rowOf(text, integers) };
}

function eventReader(table: SealedTable): (text: string) => VerifiedEvent | undefined {
  const layout = new EventLayout(table);
  const { starts, ends } = layout;
  const slot = (name: string): number => layout.slotOf(name);
  const at = {
    id: slot(table.idColumn),
    seq: slot("seq"),
    cell: slot("cell_id"),
    domain: slot("domain_id"),
    path: slot("lean_artifact_path"),
    tau: slot("tau_block"),
    sealed: slot("sealed_at_iso"),
    broadcast: slot("nats_broadcast_at_iso"),
    witness: slot("canonical_witness"),
    hash: slot("witness_hash_sha256"),
    quintet: slot("signature_quintet"),
    subject: slot("nats_subject_sealed"),
  };
  const subject = `"${table.subject}"`;
  let last: Identity | undefined;
  /** The hash that the witness of the next row names, where rows come in order. */
  let likely: string = GENESIS_HASH;

  const isAt = (text: string, index: number, expected: string): boolean =>
    text.substring(starts[index] as number, ends[index] as number) === expected;
  const valueAt = (text: string, index: number): string =>
    text.substring(starts[index] as number, ends[index] as number);
  /** A text without its quotation marks; its form has no escapes. */
  const textAt = (text: string, index: number): string | null =>
    text.charCodeAt(starts[index] as number) === SMALL_N
      ? null
      : text.substring((starts[index] as number) + 1, (ends[index] as number) - 1);

  /** Most rows are of the cell and domain that the one before was of. */
  const identityOf = (text: string): Identity | undefined => {
    if (last !== undefined) {
      const { cell, domain, path, tau } = last;
      if (
        isAt(text, at.cell, cell) &&
        isAt(text, at.domain, domain) &&
        isAt(text, at.path, path) &&
        isAt(text, at.tau, tau)
      ) {
        return last;
      }
    }
    const tau = valueAt(text, at.tau);
    const cellId = textAt(text, at.cell);
    const domainId = textAt(text, at.domain);
    const path = textAt(text, at.path);
    if (`${cellId}${domainId}${path}`.includes("\\")) return undefined;
    const hasher = FacetHasher.of(cellId, domainId, path, tau === "null" ? null : Number(tau));
    if (hasher === undefined) return undefined;
    last = {
      cell: copyOf(valueAt(text, at.cell)),
      domain: copyOf(valueAt(text, at.domain)),
      path: copyOf(valueAt(text, at.path)),
      tau: copyOf(tau),
      witnessHead: copyOf(witnessHead(table.name, `${cellId}`, `${domainId}`)),
      hasher,
    };
    return last;
  };

  return (text) => {
    if (!text.isWellFormed() || !layout.locate(text)) return undefined;
    const id = textAt(text, at.id);
    const sealedAt = textAt(text, at.sealed);
    const seq = Number(valueAt(text, at.seq));
    if (id === null || !isPlainId(id) || !isTimestamp(sealedAt) || !(seq > 0)) return undefined;
    const broadcast = textAt(text, at.broadcast);
    const isDelayed = broadcast !== null && broadcast !== sealedAt;
    if (isDelayed && !isTimestamp(broadcast)) return undefined;
    const identity = identityOf(text);
    if (identity === undefined || !isAt(text, at.subject, subject)) return undefined;
    const witness = textAt(text, at.witness);
    if (witness === null) return undefined;
    const fields = { sealedAtIso: sealedAt, id, payloadDigest: sha256Hex(layout.payload(text)) };
    if (!isWitnessOf(witness, identity.witnessHead, fields, likely)) return undefined;
    const witnessHash = sha256Hex(witness);
    if (textAt(text, at.hash) !== witnessHash) return undefined;
    const facets = identity.hasher.facetsOf(witnessHash);
    if (!isQuintetOf(valueAt(text, at.quintet), facets, QUOTED_QUINTET_FORM)) return undefined;
    const [, , pathFacet, , tauFacet] = facets;
    likely = witnessHash;
    const delay = isDelayed ? Date.parse(broadcast) - Date.parse(sealedAt) : 0;
    const broadcastAfterMs = broadcast === null ? null : delay;
    return {
      id,
      witnessHash,
      seq,
      broadcastAfterMs,
      pathFacet,
      tauFacet,
    };
  };
}

/** The identity that a row is of: its columns as they stand in the text, and what follows of them. */
interface Identity {
  readonly cell: string;
  readonly domain: string;
  readonly path: string;
  readonly tau: string;
  readonly witnessHead: string;
  readonly hasher: FacetHasher;
}

function rowOf(text: string, integers: readonly string[]): RowRecord {
  const { row } = JSON.parse(text) as { readonly row: Record<string, RowValue> };
  for (const name of integers) {
    const value = row[name];
    if (typeof value === "number") row[name] = BigInt(value);
  }
  return row;
}

/** A part of a text keeps the whole of it in memory; what is remembered must not. */
function copyOf(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string;
}
