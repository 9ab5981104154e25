import { sha256Binary } from "@gaiaftcl/witness";
import { EventKernel, VERDICT } from "./event-kernel.js";
import { EVENT_RECORD_WORDS, type VerifiedEvent, verifiedEvent } from "./event-record.js";
import { facetPrefixes } from "./facet-prefixes.js";
import { isUnsigned, type Requirement } from "./row-report.js";
import { witnessHead } from "./row-witness.js";
import {
  ensureSealedTable,
  type RowRecord,
  type RowValue,
  SEAL_COLUMNS,
  type SealedTable,
} from "./sealed-table.js";

/** Verifies many events of one table on their bytes, without taking them apart. */
export interface EventVerifier {
  readonly table: SealedTable;
  /**
   * What the event of a row holds, where `decodeEvent` reads the bytes, it is of this table, and
   * `verifyRow` finds the row ok. `undefined` says nothing: they may be of a good row that is
   * written in another way, and must go through those two. Shared memory may be given as well: what
   * is verified is what stood there when it was copied.
   */
  read(event: Uint8Array): VerifiedEvent | undefined;
  /**
   * The same for very many events: the record of one is written to words of `records` from `at` on,
   * and nothing else is made.
   *
   * @returns false where `read` would return `undefined`
   */
  readInto(event: Uint8Array, records: Int32Array, at: number): boolean;
  /** The row of an event that was read, with all integers as `bigint`. */
  rowOf(event: Uint8Array): RowRecord;
}

/** @throws SealedRowError `TABLE_UNKNOWN` */
export function eventVerifier(
  tableOrName: SealedTable | string,
  options: Requirement = {},
): EventVerifier {
  const table = ensureSealedTable(tableOrName);
  const integers = [...table.columns, ...SEAL_COLUMNS]
    .filter(({ type }) => type === "INTEGER")
    .map(({ name }) => name)
    .concat("seq");
  const isFast = isUnsigned(options);
  let kernel: EventKernel | undefined;
  const record = new Int32Array(EVENT_RECORD_WORDS);
  const readInto: EventVerifier["readInto"] = (event, records, at) => {
    kernel ??= isFast ? kernelOf(table) : undefined;
    if (kernel === undefined || !isVerified(kernel, table, event)) return false;
    kernel.writeRecord(records, at);
    return true;
  };
  return {
    table,
    readInto,
    read: (event) => (readInto(event, record, 0) ? verifiedEvent(record, 0) : undefined),
    rowOf: (event) => rowOf(event, integers),
  };
}

/**
 * One for all verifiers of a table, made when it is first needed: an instance of WebAssembly takes up
 * gigabytes of addresses. It keeps nothing of an event but the identity of its row.
 */
const kernels = new WeakMap<SealedTable, EventKernel | { readonly missing: true }>();

function kernelOf(table: SealedTable): EventKernel | undefined {
  let kernel = kernels.get(table);
  if (kernel === undefined) {
    kernel = EventKernel.of(table) ?? { missing: true };
    kernels.set(table, kernel);
  }
  return kernel instanceof EventKernel ? kernel : undefined;
}

const utf8: TextDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function isVerified(kernel: EventKernel, table: SealedTable, event: Uint8Array): boolean {
  let verdict = kernel.examine(event);
  if (verdict === VERDICT.otherIdentity && takeIdentity(kernel, table)) {
    verdict = kernel.examineAgain();
  }
  if (verdict !== VERDICT.found && !(verdict === VERDICT.foundText && isUtf8(kernel.event))) {
    return false;
  }
  return kernel.areHashes(sha256Binary);
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    utf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Most rows are of the cell and domain that the one before was of. */
function takeIdentity(kernel: EventKernel, table: SealedTable): boolean {
  const values = ["cell_id", "domain_id", "lean_artifact_path", "tau_block"].map((name) =>
    kernel.valueOf(name),
  );
  if (!values.every(isUtf8)) return false;
  const [cell = "", domain = "", path = "", tau = ""] = values.map((value) => utf8.decode(value));
  const [cellId, domainId, leanPath, block] = [cell, domain, path, tau].map(
    (text) => JSON.parse(text) as string | number | null,
  );
  const prefixes = facetPrefixes(cellId, domainId, leanPath, block);
  if (prefixes === undefined) return false;
  const head = witnessHead(table.name, `${cellId}`, `${domainId}`);
  return kernel.setIdentity({ cell, domain, path, tau, witnessHead: head, prefixes });
}

function rowOf(event: Uint8Array, integers: readonly string[]): RowRecord {
  const text = new TextDecoder().decode(event);
  const { row } = JSON.parse(text) as { readonly row: Record<string, RowValue> };
  for (const name of integers) {
    const value = row[name];
    if (typeof value === "number") row[name] = BigInt(value);
  }
  return row;
}
