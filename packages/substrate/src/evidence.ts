import { CanonicalJsonError, decode } from "@gaiaftcl/canonical-json";
import { type RowRecord, verifyRow } from "@gaiaftcl/sealed-row";
import { sha256Hex } from "@gaiaftcl/witness";
import type { NonceRange } from "./measurement.js";
import type { Substrate } from "./substrate.js";

export const EVIDENCE_TABLE = "qc020_joint_variation_evidence";

/** What a session may be at most: that much can be computed well within the time of one answer. */
export const MAX_EXTRANONCES = 1024;
export const MAX_NONCES: number = 2 ** 23;

/** One evidence row, taken apart. */
export interface Evidence {
  readonly evidenceId: string;
  readonly witnessHash: string;
  readonly range: NonceRange;
  readonly leadingZeroNibbleCount: number;
  readonly bestNonce: number;
  readonly bestHashHex: string;
  /** Absent where the row has none that counts each of its nonces once. */
  readonly histogram: readonly number[] | undefined;
}

/** The evidence of one session, or why it cannot be used. */
export type SessionEvidence =
  | {
      readonly kind: "evidence";
      readonly sessionId: string;
      readonly rows: readonly Evidence[];
      /** Names exactly these rows: the SHA-256 of their witness hashes, one a line. */
      readonly digest: string;
    }
  | { readonly kind: "unknown" }
  | { readonly kind: "unusable"; readonly reason: string };

/** The session of the newest evidence row. */
export function newestSession(substrate: Substrate): string | undefined {
  const [row] = substrate.select(
    `SELECT session_id FROM ${EVIDENCE_TABLE} ORDER BY seq DESC LIMIT 1`,
  );
  return row === undefined ? undefined : String(row["session_id"]);
}

/**
 * Reads the evidence of a session. Every row must verify against its own seal, and its parameters
 * must be within the limits, whoever wrote them: they decide how much is computed.
 */
export function readEvidence(substrate: Substrate, sessionId: string): SessionEvidence {
  const records = substrate.select(
    `SELECT * FROM ${EVIDENCE_TABLE} WHERE session_id = ? ORDER BY seq LIMIT ${MAX_EXTRANONCES + 1}`,
    sessionId,
  );
  if (records.length === 0) return { kind: "unknown" };
  if (records.length > MAX_EXTRANONCES) {
    return unusable(`the session has more than ${MAX_EXTRANONCES} evidence rows`);
  }
  const rows: Evidence[] = [];
  for (const record of records) {
    const report = verifyRow(EVIDENCE_TABLE, record);
    if (!report.ok) return unusable(`evidence ${report.id}: ${report.summary}`);
    const evidence = parseEvidence(record);
    if (typeof evidence === "string") return unusable(`evidence ${report.id}: ${evidence}`);
    rows.push(evidence);
  }
  const nonces = rows.reduce((total, row) => total + row.range.nonceCount, 0);
  if (nonces > MAX_NONCES) {
    return unusable(`the session has ${nonces} nonces, more than ${MAX_NONCES}`);
  }
  const digest = sha256Hex(rows.map((row) => row.witnessHash).join("\n"));
  return { kind: "evidence", sessionId, rows, digest };
}

/** @returns what is wrong, where the row has no parameters to recompute it from */
function parseEvidence(record: RowRecord): Evidence | string {
  const seedHex = String(record["session_seed_hex"]);
  if (!/^[0-9a-f]{64}$/.test(seedHex)) return "session_seed_hex is not 64 lower-case hex digits";
  const extranonce = Number(record["cursor_extranonce"]);
  const nonceStart = Number(record["nonce_start"]);
  const nonceCount = Number(record["nonce_count"]);
  if (!isUint32(extranonce)) return "cursor_extranonce is not within 32 bits";
  if (nonceCount < 1 || !isUint32(nonceStart) || !isUint32(nonceStart + nonceCount - 1)) {
    return "the nonces are not within 32 bits";
  }
  const histogram = parseHistogram(String(record["histogram_json"]));
  const counted = histogram?.reduce((total, count) => total + count, 0);
  return {
    evidenceId: String(record["evidence_id"]),
    witnessHash: String(record["witness_hash_sha256"]),
    range: { seedHex, extranonce, nonceStart, nonceCount },
    leadingZeroNibbleCount: Number(record["leading_zero_nibble_count"]),
    bestNonce: Number(record["best_nonce"]),
    bestHashHex: String(record["best_hash_hex"]),
    histogram: counted === nonceCount ? histogram : undefined,
  };
}

/** A SHA-256 value has 64 nibbles, so there are 65 counts at most. */
function parseHistogram(text: string): readonly number[] | undefined {
  try {
    const value = decode(text, { maxDepth: 2, maxBytes: 4096 });
    if (!Array.isArray(value) || value.length > 65) return undefined;
    const counts = value.filter((count) => Number.isSafeInteger(count) && count >= 0);
    return counts.length === value.length ? counts : undefined;
  } catch (error) {
    if (!(error instanceof CanonicalJsonError)) throw error;
    return undefined;
  }
}

function isUint32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffffffff;
}

function unusable(reason: string): SessionEvidence {
  return { kind: "unusable", reason };
}
