import type { DatabaseSync, StatementSync } from "node:sqlite";
import { SEALED_TABLES } from "@gaiaftcl/sealed-row";
import {
  type Cosignature,
  type FederationContext,
  isFederationContext,
  isSha256Hex,
} from "@gaiaftcl/witness";
import { SubstrateError } from "./substrate-error.js";

/** Unpadded base64url of 64 bytes; the last digit carries four bits that must be zero. */
const SIGNATURE = /^[A-Za-z0-9_-]{85}[AQgw]$/;

/** `substrate_cosignatures`: signatures that a row cannot carry itself (cell format, section 2). */
export class CosignatureTable {
  readonly #sealed: StatementSync;
  readonly #insert: StatementSync;
  readonly #select: StatementSync;

  constructor(database: DatabaseSync) {
    const tables = SEALED_TABLES.map(
      ({ name }) => `SELECT 1 FROM ${name} WHERE witness_hash_sha256 = :hash`,
    );
    this.#sealed = database.prepare(`${tables.join(" UNION ALL ")} LIMIT 1`);
    const columns = "(witness_hash_sha256, context, public_key, signature)";
    this.#insert = database.prepare(
      `INSERT INTO substrate_cosignatures ${columns} SELECT :hash, :context, :key, :signature
       WHERE (:hash, :context, :key, :signature) NOT IN
         (SELECT witness_hash_sha256, context, public_key, signature FROM substrate_cosignatures
          WHERE witness_hash_sha256 = :hash)`,
    );
    this.#select = database.prepare(
      "SELECT context, public_key, signature FROM substrate_cosignatures WHERE witness_hash_sha256 = ? ORDER BY rowid",
    );
  }

  /** @throws SubstrateError `COSIGNATURE_INVALID` */
  add(witnessHash: string, { context, publicKey, signature }: Cosignature): void {
    if (!isSha256Hex(witnessHash) || this.#sealed.get({ hash: witnessHash }) === undefined) {
      throw invalid(`no sealed row has the witness hash ${JSON.stringify(witnessHash)}`);
    }
    if (!isFederationContext(context)) throw invalid(`${JSON.stringify(context)} is no context`);
    // 32 bytes in lower-case hex look like a hash.
    if (!isSha256Hex(publicKey)) throw invalid("expected a public key of 64 lower-case hex digits");
    if (!SIGNATURE.test(signature)) throw invalid("expected a signature of 86 base64url digits");
    this.#insert.run({ hash: witnessHash, context, key: publicKey, signature });
  }

  of(witnessHash: string): readonly Cosignature[] {
    return this.#select.all(witnessHash).map((row) => ({
      context: row["context"] as FederationContext,
      publicKey: String(row["public_key"]),
      signature: String(row["signature"]),
    }));
  }
}

function invalid(message: string): SubstrateError {
  return new SubstrateError("COSIGNATURE_INVALID", message);
}
