import { sha256Hex } from "@gaiaftcl/witness";
import { LARGEST_INTEGER } from "./column-value.js";
import { FacetHasher } from "./facet-hasher.js";
import { facetPrefixes, isInteger } from "./facet-prefixes.js";
import { isPlainId } from "./plain-id.js";
import { isQuintetOf, QUINTET_FORM } from "./quintet-text.js";
import { isWitnessOf, witnessHead } from "./row-witness.js";
import { type RowValue, SEAL_COLUMNS, type SealedTable } from "./sealed-table.js";
import { isTimestamp } from "./timestamp.js";

type Value = RowValue | undefined;

/**
 * The short way to verify a row without signatures: writes down the one payload, witness and
 * quintet that the fields allow, and compares. `true` means that every check of `verifyRow` passes;
 * anything unusual, even if it is allowed, is `false` and left to `verifyRow`.
 *
 * @returns a function of the values of a row, `seq` first (`undefined` where it has none), then the
 *   own columns and those of the seal, in order
 */
export function recomputer(
  table: SealedTable,
): (values: readonly Value[], previous?: string) => boolean {
  const { subject } = table;
  const writePayload = payloadWriter(table);
  const identityOf = identityReader(table);
  const at = sealPositions(table);

  return (values, previous) => {
    const seq = values[0];
    const id = values[1];
    const sealedAt = values[at.sealed_at_iso];
    const broadcastAt = values[at.nats_broadcast_at_iso];
    const witness = values[at.canonical_witness];
    const hash = values[at.witness_hash_sha256];
    if (seq !== undefined && !(isInteger(seq) && seq > 0 && seq <= LARGEST_INTEGER)) return false;
    if (typeof id !== "string" || !isPlainId(id) || !isTimestamp(sealedAt)) return false;
    if (broadcastAt !== sealedAt && broadcastAt !== null && !isTimestamp(broadcastAt)) return false;
    if (typeof witness !== "string" || typeof hash !== "string") return false;
    if (values[at.nats_subject_sealed] !== subject) return false;

    const identity = identityOf(values);
    if (identity === undefined) return false;
    const payload = writePayload(values);
    if (payload === undefined) return false;
    const fields = { sealedAtIso: sealedAt, id, previous, payloadDigest: sha256Hex(payload) };
    if (!isWitnessOf(witness, identity.witnessHead, fields)) return false;
    const expected = sha256Hex(witness);
    const quintet = values[at.signature_quintet];
    if (hash !== expected || typeof quintet !== "string") return false;
    return isQuintetOf(quintet, identity.hasher.facetsOf(expected), QUINTET_FORM);
  };
}

type SealColumn =
  | "cell_id"
  | "domain_id"
  | "lean_artifact_path"
  | "tau_block"
  | "sealed_at_iso"
  | "nats_broadcast_at_iso"
  | "canonical_witness"
  | "witness_hash_sha256"
  | "signature_quintet"
  | "nats_subject_sealed";

function sealPositions(table: SealedTable): Readonly<Record<SealColumn, number>> {
  const first = 1 + table.columns.length;
  const entries = SEAL_COLUMNS.map((column, index) => [column.name, first + index]);
  return Object.fromEntries(entries) as Record<SealColumn, number>;
}

/** The portable canonical JSON of the own columns, with the keys put in order once. */
function payloadWriter(table: SealedTable): (values: readonly Value[]) => string | undefined {
  const columns = table.columns
    .map(({ name, type }, index) => ({ name, isText: type === "TEXT", position: index + 1 }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((column, index) => ({
      ...column,
      label: `${index === 0 ? "{" : ","}"${column.name}":`,
      // Columns such as a session id repeat from row to row: the last text is kept as written.
      last: "",
      written: '""',
    }));
  return (values) => {
    let payload = "";
    for (const column of columns) {
      const value = values[column.position];
      if (value === null) {
        payload += `${column.label}null`;
      } else if (column.isText) {
        if (typeof value !== "string" || !value.isWellFormed()) return undefined;
        if (value !== column.last) {
          column.last = value;
          column.written = JSON.stringify(value);
        }
        payload += column.label + column.written;
      } else {
        if (typeof value !== "bigint" && typeof value !== "number") return undefined;
        // A `number` is written several times as fast as the `bigint` that it is equal to.
        const integer = Number(value);
        if (!Number.isSafeInteger(integer)) return undefined;
        payload += column.label + integer;
      }
    }
    return `${payload}}`;
  };
}

interface Identity {
  readonly witnessHead: string;
  readonly hasher: FacetHasher;
}

/** The identity of a row, most often that of the row before; `undefined` where it may be wrong. */
function identityReader(table: SealedTable): (values: readonly Value[]) => Identity | undefined {
  const at = sealPositions(table);
  let last: Identity | undefined;
  let [cellId, domainId, leanArtifactPath, tauBlock]: Value[] = [];
  return (values) => {
    if (
      last !== undefined &&
      cellId === values[at.cell_id] &&
      domainId === values[at.domain_id] &&
      leanArtifactPath === values[at.lean_artifact_path] &&
      tauBlock === values[at.tau_block]
    ) {
      return last;
    }
    cellId = values[at.cell_id];
    domainId = values[at.domain_id];
    leanArtifactPath = values[at.lean_artifact_path];
    tauBlock = values[at.tau_block];
    const prefixes = facetPrefixes(cellId, domainId, leanArtifactPath, tauBlock);
    const head = witnessHead(table.name, String(cellId), String(domainId));
    last =
      prefixes === undefined ? undefined : { witnessHead: head, hasher: new FacetHasher(prefixes) };
    return last;
  };
}
