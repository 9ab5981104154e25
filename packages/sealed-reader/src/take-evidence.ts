import { type RowReport, sealedTable } from "@gaiaftcl/sealed-row";
import { parseCosignatures } from "./cosignature-lookup.js";
import { type EvidenceBundle, linkOf } from "./evidence.js";
import { RowJudge, type SealedRow } from "./row-judge.js";
import type { Engine } from "./scan-request.js";
import { SealedReaderError } from "./sealed-reader-error.js";
import { keyBefore } from "./table-scan.js";

/** Reads a row once more, with all that stands beside it, in one snapshot. */
export async function takeEvidence(
  engine: Engine,
  row: SealedRow,
  signal: AbortSignal | undefined,
): Promise<EvidenceBundle> {
  const { table } = row.report;
  const { seq } = row;
  if (seq === undefined) {
    throw new SealedReaderError(
      "TABLE_UNSUPPORTED",
      `${table} has no integer key, so a single row of it cannot be found again`,
    );
  }
  const scan = await engine.scan(
    { table, after: keyBefore(seq), upTo: seq, limit: 1, cosignatures: true },
    signal,
  );
  try {
    const [scanned] = (await scan.next(signal)).rows;
    const found = scanned === undefined ? undefined : new RowJudge(scan.shape, {}).judge(scanned);
    if (scanned === undefined || found === undefined || !isSameRow(found.report, row.report)) {
      throw new SealedReaderError(
        "ROW_MISSING",
        `${table}: row ${seq} is no longer there as it was read; verify the table`,
      );
    }
    const { previous, cosignatures } = scanned;
    return {
      table,
      definition: sealedTable(table) ?? null,
      row: found.row,
      previousWitnessHash: linkOf(table, previous),
      cosignatures: cosignatures === null ? [] : parseCosignatures(cosignatures),
    };
  } finally {
    await scan.close();
  }
}

function isSameRow(one: RowReport, other: RowReport): boolean {
  return one.witnessHash === other.witnessHash && one.id === other.id;
}
