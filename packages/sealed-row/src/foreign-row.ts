import { isSha256Hex, witnessHash } from "@gaiaftcl/witness";
import { nameOf } from "./column-value.js";
import { readQuintet } from "./quintet-text.js";
import { CheckList, type Requirement, type RowReport } from "./row-report.js";
import { messageOf } from "./row-witness.js";
import { type RowRecord, type SealedTable, tableForSubject } from "./sealed-table.js";

/**
 * Verifies what the four founding columns permit (cell format, section 5, last paragraph): that the
 * hash is the hash of the witness text, and that the quintet is five facets. The text is all that
 * is verified then: nothing ties it to the other columns, and the report says so.
 */
export function verifyForeignRow(
  table: SealedTable | string,
  row: RowRecord,
  requirement: Requirement,
): RowReport {
  const checks = new CheckList();
  const name = typeof table === "string" ? table : table.name;
  if (typeof table === "string") {
    checks.skip("table", `${JSON.stringify(name.slice(0, 128))} is no table of this format`);
  } else checks.pass("table");
  checks.skip("columns", "the row lacks the columns that this format covers");
  checks.skip("identity", "the row names no cell and no domain");
  checks.expect("subject", subjectProblem(table, row["nats_subject_sealed"]));
  const quintet = row["signature_quintet"];
  checks.expect(
    "quintet.form",
    typeof quintet === "string"
      ? readQuintet(quintet).problem
      : `expected signature_quintet as JSON text, found ${nameOf(quintet)}`,
  );
  checks.skip("chain", "nothing says how this row names the one before");
  const hash = row["witness_hash_sha256"];
  const holds = checks.expect("witness.hash", hashProblem(row["canonical_witness"], hash));
  checks.skip("witness.text", "nothing says which columns the text covers");
  checks.skip("facets", "the row names no cell and no domain to recompute them from");
  return checks.report(
    {
      table: name,
      id: idOf(table, row),
      witnessHash: typeof hash === "string" ? hash : undefined,
    },
    holds ? "witness" : "none",
    requirement,
  );
}

function idOf(table: SealedTable | string, row: RowRecord): string | undefined {
  if (typeof table === "string") return undefined;
  const id = row[table.idColumn];
  return typeof id === "string" ? id : undefined;
}

function subjectProblem(table: SealedTable | string, found: unknown): string | undefined {
  if (typeof found !== "string" || found === "") {
    return `expected a subject in nats_subject_sealed, found ${nameOf(found)}`;
  }
  // A subject of this format belongs to one table, whatever the row says.
  const expected = typeof table === "string" ? undefined : table.subject;
  if (expected === found || (expected === undefined && tableForSubject(found) === undefined)) {
    return undefined;
  }
  return expected === undefined
    ? `${found} is the subject of another table`
    : `expected ${expected}, found ${JSON.stringify(found.slice(0, 256))}`;
}

function hashProblem(witness: unknown, hash: unknown): string | undefined {
  if (typeof witness !== "string")
    return `expected canonical_witness as text, found ${nameOf(witness)}`;
  if (typeof hash !== "string" || !isSha256Hex(hash)) {
    return "expected 64 lower-case hex digits in witness_hash_sha256";
  }
  if (!witness.isWellFormed()) return "canonical_witness has a lone surrogate";
  let expected: string;
  try {
    expected = witnessHash(witness);
  } catch (cause) {
    return messageOf(cause);
  }
  return expected === hash ? undefined : `expected ${expected}, found ${hash}`;
}
