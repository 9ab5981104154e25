import {
  type Cosignature,
  ensureIdentityText,
  type FederationKeys,
  type Level,
  type SealIdentity,
  verifySeal,
} from "@gaiaftcl/witness";
import { LARGEST_INTEGER, nameOf, valueProblem } from "./column-value.js";
import { verifyForeignRow } from "./foreign-row.js";
import { readQuintet } from "./quintet-text.js";
import { CheckList, type RowReport } from "./row-report.js";
import {
  ensureHash,
  GENESIS_HASH,
  joinWitness,
  messageOf,
  parseRowWitness,
  payloadDigest,
  previousOf,
} from "./row-witness.js";
import { type RowRecord, SEAL_COLUMNS, type SealedTable, sealedTable } from "./sealed-table.js";
import { isTimestamp } from "./timestamp.js";

export interface VerifyRowOptions {
  /** With keys, a signature by each of the five contexts is required. */
  readonly keys?: FederationKeys | undefined;
  /** The signatures kept beside this row, in `substrate_cosignatures`. */
  readonly cosignatures?: readonly Cosignature[] | undefined;
  /** The level to reach for the report to be ok. */
  readonly require?: Level | undefined;
  /** The witness hash of the row before (`GENESIS_HASH` for the first); absent: the chain is skipped. */
  readonly previous?: string | undefined;
}

/**
 * Verifies one row, from a database or an event, against its own seal (cell format, sections 2 and
 * 5): columns, identity, time, id, subject, form of the quintet, link to the row before, witness,
 * facets and, with keys, signatures.
 *
 * A row without the columns this format adds, or of a table it does not know, is verified as far as
 * its witness hash and the form of its quintet; the report lists what could not be checked as
 * skipped.
 *
 * @returns a report; a row that fails is never an exception
 * @throws SealedRowError `HASH_INVALID` where `options.previous` is no hash
 */
export function verifyRow(
  tableOrName: SealedTable | string,
  row: RowRecord,
  options: VerifyRowOptions = {},
): RowReport {
  if (options.previous !== undefined) ensureHash("previous", options.previous);
  const table = typeof tableOrName === "string" ? sealedTable(tableOrName) : tableOrName;
  if (table === undefined || isForeign(table, row)) {
    return verifyForeignRow(table ?? String(tableOrName), row, options);
  }
  return verifySealedRow(table, row, options);
}

const FORMAT_COLUMNS = ["cell_id", "domain_id", "sealed_at_iso"] as const;

/**
 * True for a row made by others. A row of this format cannot pass for one by losing columns: as
 * long as it carries any column to show, a witness text of this format demands them all.
 */
function isForeign(table: SealedTable, row: RowRecord): boolean {
  if (FORMAT_COLUMNS.some((name) => Object.hasOwn(row, name))) return false;
  if (!table.columns.some((column) => Object.hasOwn(row, column.name))) return true;
  const witness = row["canonical_witness"];
  return typeof witness !== "string" || parseRowWitness(witness) === undefined;
}

function verifySealedRow(table: SealedTable, row: RowRecord, options: VerifyRowOptions): RowReport {
  const checks = new CheckList();
  const subject = subjectOf(table, row);
  checks.pass("table");
  if (!checks.expect("columns", columnsProblem(table, row))) {
    checks.skip("seal", "the columns are not those it covers");
    return checks.report(subject, "none", options);
  }
  const text = (name: string): string => row[name] as string;
  checks.expect("id", idProblem(table, text(table.idColumn)));
  checks.expect("time", timeProblem(row));
  checks.expect("subject", subjectProblem(table, text("nats_subject_sealed")));
  const quintet = readQuintet(text("signature_quintet"));
  checks.expect("quintet.form", quintet.problem);
  const witness = text("canonical_witness");
  const previous = previousOf(witness);
  checkChain(checks, previous, options.previous);
  const expectedWitness = joinWitness(table.name, {
    cellId: text("cell_id"),
    domainId: text("domain_id"),
    sealedAtIso: text("sealed_at_iso"),
    id: text(table.idColumn),
    previous: previous ?? options.previous ?? GENESIS_HASH,
    payloadDigest: payloadDigest(table, row),
  });
  const { keys, cosignatures, require } = options;
  const seal = verifySeal(
    identityOf(row),
    {
      canonicalWitness: witness,
      witnessHash: text("witness_hash_sha256"),
      quintet: quintet.problem === undefined ? quintet.entries : [],
    },
    { expectedWitness, keys, cosignatures, require },
  );
  return checks.report(subject, seal.level, options, seal.checks);
}

function subjectOf(
  table: SealedTable,
  row: RowRecord,
): Pick<RowReport, "table" | "id" | "witnessHash"> {
  const id = row[table.idColumn];
  const hash = row["witness_hash_sha256"];
  return {
    table: table.name,
    id: typeof id === "string" ? id : undefined,
    witnessHash: typeof hash === "string" ? hash : undefined,
  };
}

/** Every column there, of its type, and none beside them that no seal would cover. */
function columnsProblem(table: SealedTable, row: RowRecord): string | undefined {
  const problems: string[] = [];
  let known = 0;
  for (const column of [...table.columns, ...SEAL_COLUMNS]) {
    if (!Object.hasOwn(row, column.name)) {
      problems.push(`${column.name} is missing`);
      continue;
    }
    known += 1;
    const own = table.columns.includes(column);
    const nullable = own ? column.name !== table.idColumn : column.nullable;
    const problem =
      column.name === "tau_block"
        ? tauBlockProblem(row[column.name])
        : valueProblem(column, row[column.name], nullable);
    if (problem !== undefined) problems.push(`${column.name}: ${problem}`);
  }
  if (Object.hasOwn(row, "seq")) {
    known += 1;
    const problem = integerProblem(row["seq"], 1n);
    if (problem !== undefined) problems.push(`seq: ${problem}`);
  }
  const names = Object.keys(row);
  if (names.length !== known) {
    const columns = new Set([...table.columns, ...SEAL_COLUMNS].map((column) => column.name));
    const extra = names.find((name) => name !== "seq" && !columns.has(name));
    problems.push(`${JSON.stringify(extra)} is no column of ${table.name} and no seal covers it`);
  }
  return problems.length === 0 ? undefined : problems.slice(0, 4).join("; ");
}

function tauBlockProblem(value: unknown): string | undefined {
  return value === null ? undefined : integerProblem(value, 0n);
}

function integerProblem(value: unknown, least: bigint): string | undefined {
  const exact =
    typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value));
  if (!exact) return `expected an integer, found ${nameOf(value)}`;
  const integer = BigInt(value as bigint | number);
  return integer >= least && integer <= LARGEST_INTEGER
    ? undefined
    : `expected an integer from ${least} to 2^63 − 1, found ${integer}`;
}

function idProblem(table: SealedTable, id: string): string | undefined {
  if (id === "") return `${table.idColumn} is empty`;
  return textProblem(table.idColumn, id);
}

function textProblem(name: string, value: string): string | undefined {
  try {
    ensureIdentityText(name, value);
    return undefined;
  } catch (cause) {
    return messageOf(cause);
  }
}

function timeProblem(row: RowRecord): string | undefined {
  for (const name of ["sealed_at_iso", "nats_broadcast_at_iso"]) {
    const value = row[name];
    if (value === null || isTimestamp(value)) continue;
    return `${name}: expected a UTC time in milliseconds, found ${JSON.stringify(String(value).slice(0, 64))}`;
  }
  return undefined;
}

function subjectProblem(table: SealedTable, found: string): string | undefined {
  return found === table.subject
    ? undefined
    : `expected ${table.subject}, found ${JSON.stringify(found.slice(0, 256))}`;
}

function checkChain(
  checks: CheckList,
  stated: string | undefined,
  expected: string | undefined,
): void {
  if (expected === undefined) {
    checks.skip("chain", "the row before was not given");
  } else if (stated === expected) {
    checks.pass("chain");
  } else {
    checks.fail(
      "chain",
      stated === undefined
        ? "the witness does not name the row before"
        : `expected prev=${expected}, found prev=${stated}: a row was removed, added or moved`,
    );
  }
}

/** The identity of a row whose columns were checked; a NULL path or height is an empty value. */
export function identityOf(row: RowRecord): SealIdentity {
  const leanArtifactPath = row["lean_artifact_path"];
  const tauBlock = row["tau_block"];
  return {
    cellId: row["cell_id"] as string,
    domainId: row["domain_id"] as string,
    ...(leanArtifactPath === null ? {} : { leanArtifactPath: leanArtifactPath as string }),
    ...(tauBlock === null ? {} : { tauBlock: tauBlock as bigint | number }),
  };
}
