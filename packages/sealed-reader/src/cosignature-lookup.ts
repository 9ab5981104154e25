import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { RowValue } from "@gaiaftcl/sealed-row";
import { type Cosignature, isFederationContext } from "@gaiaftcl/witness";
import { prepareExact } from "./guarded-connection.js";
import { SealedReaderError } from "./sealed-reader-error.js";
import { proveTable } from "./table-shape.js";

const TABLE = "substrate_cosignatures";
/** Five contexts, and room for keys of earlier years. */
const MAX_PER_ROW = 64;
const MAX_TEXT = 256;

/** Finds the signatures kept beside a row (cell format, section 2). */
export class CosignatureLookup {
  readonly #statement: StatementSync;

  private constructor(statement: StatementSync) {
    this.#statement = statement;
  }

  /** `undefined` where the database has no such table: then no row is signed. */
  static prepare(database: DatabaseSync): CosignatureLookup | undefined {
    if (!proveTable(database, TABLE)) return undefined;
    return new CosignatureLookup(
      prepareExact(
        database,
        `SELECT t."context", t."public_key", t."signature" FROM main.${TABLE} AS t WHERE t."witness_hash_sha256" = ? COLLATE BINARY AND octet_length(t."context") <= ${MAX_TEXT} AND octet_length(t."public_key") <= ${MAX_TEXT} AND octet_length(t."signature") <= ${MAX_TEXT} LIMIT ${MAX_PER_ROW}`,
      ),
    );
  }

  /** The signatures for a witness hash, as JSON text; `null` where there are none. */
  of(hash: RowValue | undefined): string | null {
    if (typeof hash !== "string") return null;
    const rows = this.#statement.all(hash) as unknown as readonly (readonly RowValue[])[];
    const texts = rows.filter((row) => row.every((value) => typeof value === "string"));
    return texts.length === 0 ? null : JSON.stringify(texts);
  }
}

/**
 * Reads the text that `of` wrote, which may have come from another process. Whether a signature is
 * one is for the verification to say.
 *
 * @throws SealedReaderError `CHILD_FAILED` for anything but an array of triples of text
 */
export function parseCosignatures(text: string): readonly Cosignature[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed(cause);
  }
  if (!Array.isArray(value) || value.length > MAX_PER_ROW) throw malformed();
  const found: Cosignature[] = [];
  for (const entry of value as readonly unknown[]) {
    if (!Array.isArray(entry) || entry.length !== 3) throw malformed();
    const [context, publicKey, signature] = entry as readonly unknown[];
    if (typeof publicKey !== "string" || typeof signature !== "string") throw malformed();
    if (isFederationContext(context)) found.push({ context, publicKey, signature });
  }
  return found;
}

function malformed(cause?: unknown): SealedReaderError {
  return new SealedReaderError(
    "CHILD_FAILED",
    "expected the cosignatures of a row as triples of text",
    cause === undefined ? {} : { cause },
  );
}
