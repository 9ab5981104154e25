import { encodePortable } from "@gaiaftcl/canonical-json";
import { EVIDENCE_TABLE } from "./evidence.js";
import { ok } from "./outcome.js";
import type { SealEntry } from "./substrate.js";
import { newId, type Verb } from "./verb.js";
import { composeArguments, parseArguments } from "./verb-arguments.js";

/**
 * `compose_qc020_measurement` (cell format, section 6): measures a run of nonces for each extranonce
 * and seals one evidence row each, all of a session in one transaction.
 */
export const composeMeasurement: Verb = async (given, context) => {
  const parsed = parseArguments(composeArguments, given);
  if ("refusal" in parsed) return parsed.refusal;
  const { extranonce_count, nonces_per_extranonce, session_seed_hex } = parsed.args;
  const seedHex = session_seed_hex ?? Buffer.from(context.randomBytes(32)).toString("hex");
  const ranges = Array.from({ length: extranonce_count }, (_, extranonce) => ({
    seedHex,
    extranonce,
    nonceStart: 0,
    nonceCount: nonces_per_extranonce,
  }));
  const measurements = await context.pool.run({ ranges }, context);

  const sessionId = newId(context, "session");
  const entries = measurements.map(
    (measurement, extranonce): SealEntry => ({
      table: EVIDENCE_TABLE,
      columns: {
        evidence_id: `${sessionId}-${extranonce}`,
        session_id: sessionId,
        session_seed_hex: seedHex,
        cursor_extranonce: extranonce,
        nonce_start: 0,
        nonce_count: nonces_per_extranonce,
        leading_zero_nibble_count: measurement.leadingZeroNibbleCount,
        best_nonce: measurement.bestNonce,
        best_hash_hex: measurement.bestHashHex,
        histogram_json: encodePortable(measurement.histogram),
      },
    }),
  );
  const rows = context.substrate.sealAll(entries);
  const hashes = measurements.map((measurement) => measurement.bestHashHex).sort();
  return ok({
    session_id: sessionId,
    session_seed_hex: seedHex,
    extranonce_count,
    nonces_per_extranonce,
    best_hash_hex: hashes[0] ?? "",
    leading_zero_nibble_count: Math.max(
      ...measurements.map((measurement) => measurement.leadingZeroNibbleCount),
    ),
    evidence_ids: rows.map((row) => String(row["evidence_id"])),
    witness_hashes: rows.map((row) => String(row["witness_hash_sha256"])),
  });
};
