import { CONTEXTS, ensureIdentityText, sha256Hex } from "@gaiaftcl/witness";
import { LARGEST_INTEGER } from "./column-value.js";
import { joinWitness, previousOf } from "./row-witness.js";
import { type RowValue, SEAL_COLUMNS, type SealedTable } from "./sealed-table.js";
import { isTimestamp } from "./timestamp.js";

type Value = RowValue | undefined;

/** Ids without anything that would need a closer look; others go through `verifyRow`. */
const PLAIN_ID = /^[A-Za-z0-9_.:/@+ -]{1,255}$/;

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
  const { name, subject } = table;
  const writePayload = payloadWriter(table);
  const writeQuintet = quintetWriter(table);
  const at = sealPositions(table);

  return (values, previous) => {
    const seq = values[0];
    const id = values[1];
    const sealedAt = values[at.sealed_at_iso];
    const broadcastAt = values[at.nats_broadcast_at_iso];
    const witness = values[at.canonical_witness];
    const hash = values[at.witness_hash_sha256];
    if (seq !== undefined && !(isInteger(seq) && seq > 0 && seq <= LARGEST_INTEGER)) return false;
    if (typeof id !== "string" || !PLAIN_ID.test(id) || !isTimestamp(sealedAt)) return false;
    if (broadcastAt !== sealedAt && broadcastAt !== null && !isTimestamp(broadcastAt)) return false;
    if (typeof witness !== "string" || typeof hash !== "string") return false;
    if (values[at.nats_subject_sealed] !== subject) return false;

    const prev = previous ?? previousOf(witness);
    const payload = writePayload(values);
    // The identity is checked here, before it stands in the text.
    const quintet = writeQuintet(values, hash);
    if (prev === undefined || payload === undefined || quintet === undefined) return false;
    const expected = joinWitness(name, {
      cellId: values[at.cell_id] as string,
      domainId: values[at.domain_id] as string,
      sealedAtIso: sealedAt,
      id,
      previous: prev,
      payloadDigest: sha256Hex(payload),
    });
    return (
      witness === expected &&
      hash === sha256Hex(witness) &&
      values[at.signature_quintet] === quintet
    );
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
        if (!isInteger(value) || !Number.isSafeInteger(Number(value))) return undefined;
        payload += column.label + value;
      }
    }
    return `${payload}}`;
  };
}

/** What stands before the witness hash in each facet, for one identity. */
interface Prefixes {
  readonly cellId: Value;
  readonly domainId: Value;
  readonly leanArtifactPath: Value;
  readonly tauBlock: Value;
  readonly texts: readonly string[];
}

/** The text of the quintet; `undefined` where the identity is not certainly in order. */
function quintetWriter(
  table: SealedTable,
): (values: readonly Value[], hash: string) => string | undefined {
  const at = sealPositions(table);
  let prefixes: Prefixes | undefined;
  return (values, hash) => {
    const cellId = values[at.cell_id];
    const domainId = values[at.domain_id];
    const leanArtifactPath = values[at.lean_artifact_path];
    const tauBlock = values[at.tau_block];
    if (
      prefixes === undefined ||
      prefixes.cellId !== cellId ||
      prefixes.domainId !== domainId ||
      prefixes.leanArtifactPath !== leanArtifactPath ||
      prefixes.tauBlock !== tauBlock
    ) {
      const texts = facetPrefixes(cellId, domainId, leanArtifactPath, tauBlock);
      if (texts === undefined) return undefined;
      prefixes = { cellId, domainId, leanArtifactPath, tauBlock, texts };
    }
    const [cell, domain, path, payload, tau] = prefixes.texts;
    return `["${sha256Hex(cell + hash)}","${sha256Hex(domain + hash)}","${sha256Hex(path + hash)}","${sha256Hex(`${payload}${hash}|${hash}`)}","${sha256Hex(tau + hash)}"]`;
  };
}

function facetPrefixes(
  cellId: Value,
  domainId: Value,
  leanArtifactPath: Value,
  tauBlock: Value,
): readonly string[] | undefined {
  if (typeof cellId !== "string" || typeof domainId !== "string") return undefined;
  if (leanArtifactPath !== null && typeof leanArtifactPath !== "string") return undefined;
  if (tauBlock !== null) {
    if (!isInteger(tauBlock) || tauBlock < 0 || tauBlock > LARGEST_INTEGER) return undefined;
  }
  const path = leanArtifactPath ?? "";
  try {
    for (const text of [cellId, domainId, path]) ensureIdentityText("identity", text);
  } catch {
    return undefined;
  }
  const values = [`${cellId}|`, `${domainId}|`, `${path}|`, "", `${tauBlock ?? ""}|`];
  return CONTEXTS.map((context, index) => `${cellId}|${context}|${values[index]}`);
}

function isInteger(value: Value): value is bigint | number {
  return typeof value === "bigint" || Number.isSafeInteger(value);
}
