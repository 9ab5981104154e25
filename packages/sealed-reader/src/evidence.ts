import { CanonicalJsonError, decode, encode, type JsonValue } from "@gaiaftcl/canonical-json";
import {
  GENESIS_HASH,
  type RowRecord,
  type RowReport,
  type RowValue,
  type SealedTable,
  sealedTable,
  verifyRow,
} from "@gaiaftcl/sealed-row";
import {
  type Check,
  type Cosignature,
  type FederationKeys,
  isFederationContext,
  isSha256Hex,
  type Level,
  verificationReport,
} from "@gaiaftcl/witness";
import { SealedReaderError } from "./sealed-reader-error.js";

const FORMAT = "gaiaftcl.evidence.v1";
const MAX_BYTES = 32 * 1024 * 1024;

/** One row with all that a third party needs to verify it without the database. */
export interface EvidenceBundle {
  readonly table: string;
  /** How the table is made up, for a verifier who has only the format at hand; null if unknown. */
  readonly definition: SealedTable | null;
  readonly row: RowRecord;
  /** The witness hash of the row before; 64 zeros for the first; null where there is no chain. */
  readonly previousWitnessHash: string | null;
  readonly cosignatures: readonly Cosignature[];
}

export interface VerifyEvidenceOptions {
  /** The keys the verifier trusts, which no bundle can bring along. */
  readonly keys?: FederationKeys | undefined;
  readonly require?: Level | undefined;
}

/**
 * The bundle as canonical JSON.
 *
 * @throws SealedReaderError `EVIDENCE_INVALID` for a row that has no JSON form
 */
export function encodeEvidence(bundle: EvidenceBundle): string {
  const { table, definition, row, previousWitnessHash, cosignatures } = bundle;
  try {
    return encode({
      format: FORMAT,
      table,
      definition:
        definition === null
          ? null
          : {
              id_column: definition.idColumn,
              subject: definition.subject,
              columns: definition.columns,
            },
      row,
      previous_witness_hash: previousWitnessHash,
      cosignatures: cosignatures.map(({ context, publicKey, signature }) => ({
        context,
        public_key: publicKey,
        signature,
      })),
    });
  } catch (cause) {
    if (!(cause instanceof CanonicalJsonError)) throw cause;
    throw invalid(`the row of ${table} has no JSON form: ${cause.message}`, cause);
  }
}

/**
 * Reads a bundle from bytes that anybody may have made. The definition it brings is not taken over:
 * what a table is made up of is for the format to say, not for the evidence.
 *
 * @throws SealedReaderError `EVIDENCE_INVALID`
 */
export function decodeEvidence(input: Uint8Array | string): EvidenceBundle {
  let value: JsonValue;
  try {
    value = decode(input, { maxBytes: MAX_BYTES, maxDepth: 8, bigints: "bigint" });
  } catch (cause) {
    if (!(cause instanceof CanonicalJsonError)) throw cause;
    throw invalid(cause.message, cause);
  }
  const bundle = objectOf("the bundle", value);
  if (bundle["format"] !== FORMAT) throw invalid(`format: expected ${FORMAT}`);
  const table = bundle["table"];
  if (typeof table !== "string" || table.length > 128) throw invalid("table: expected a name");
  const previous = bundle["previous_witness_hash"];
  if (previous !== null && !isSha256Hex(previous)) {
    throw invalid("previous_witness_hash: expected 64 lower-case hex digits or null");
  }
  const cosignatures = bundle["cosignatures"];
  if (!Array.isArray(cosignatures) || cosignatures.length > 64) {
    throw invalid("cosignatures: expected an array of at most 64");
  }
  return {
    table,
    definition: sealedTable(table) ?? null,
    row: rowOf(bundle["row"]),
    previousWitnessHash: previous,
    cosignatures: cosignatures.map((entry: JsonValue) => cosignatureOf(entry)),
  };
}

/**
 * Verifies one exported row offline (cell format, sections 2 and 5): its seal, its link to the row
 * before, and, with keys, its signatures. That the row stood in a database is not proved by it.
 *
 * @throws SealedReaderError `EVIDENCE_INVALID` for bytes that are no bundle
 */
export function verifyEvidence(
  evidence: EvidenceBundle | Uint8Array | string,
  options: VerifyEvidenceOptions = {},
): RowReport {
  const isBytes = typeof evidence === "string" || evidence instanceof Uint8Array;
  // A value is taken through its bytes as well, so that one verdict holds for both.
  const bundle = decodeEvidence(isBytes ? evidence : encodeEvidence(evidence));
  const { table, row, previousWitnessHash, cosignatures } = bundle;
  const { keys, require } = options;
  const report = verifyRow(table, row, {
    keys,
    require,
    cosignatures,
    previous: previousWitnessHash ?? undefined,
  });
  if (bundle.definition === null || previousWitnessHash !== null) return report;
  const check: Check = {
    name: "chain",
    status: "failed",
    detail: "the evidence does not name the row before",
  };
  const checks = [...report.checks.filter((other) => other.name !== check.name), check];
  return { ...report, ...verificationReport("none", checks, "witness") };
}

/** The link a row of this table is to be exported with. */
export function linkOf(table: string, previous: string | null): string | null {
  if (sealedTable(table) === undefined) return null;
  return previous ?? GENESIS_HASH;
}

function rowOf(value: JsonValue | undefined): RowRecord {
  const row: Record<string, RowValue> = {};
  for (const [name, entry] of Object.entries(objectOf("row", value))) {
    if (!/^[A-Za-z][A-Za-z0-9_]{0,127}$/.test(name)) throw invalid("row: expected column names");
    if (typeof entry === "object" ? entry !== null : typeof entry === "boolean") {
      throw invalid(`row.${name}: expected text, a number or null`);
    }
    row[name] = entry as RowValue;
  }
  return row;
}

function cosignatureOf(value: JsonValue): Cosignature {
  const entry = objectOf("cosignatures", value);
  const context = entry["context"];
  const publicKey = entry["public_key"];
  const signature = entry["signature"];
  if (
    !isFederationContext(context) ||
    typeof publicKey !== "string" ||
    typeof signature !== "string"
  ) {
    throw invalid("cosignatures: expected a context, a public_key and a signature");
  }
  return { context, publicKey, signature };
}

function objectOf(
  name: string,
  value: JsonValue | undefined,
): { readonly [key: string]: JsonValue } {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as { readonly [key: string]: JsonValue };
  }
  throw invalid(`${name}: expected an object`);
}

function invalid(reason: string, cause?: unknown): SealedReaderError {
  return new SealedReaderError(
    "EVIDENCE_INVALID",
    `expected the evidence of one row: ${reason}; export it again with evidence()`,
    { cause },
  );
}
