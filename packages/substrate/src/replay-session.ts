import { encodePortable } from "@gaiaftcl/canonical-json";
import { type Evidence, readEvidence } from "./evidence.js";
import type { Measurement } from "./measurement.js";
import { ok, refused } from "./outcome.js";
import { newId, type Verb } from "./verb.js";
import { parseArguments, replayArguments } from "./verb-arguments.js";

export const TELEMETRY_TABLE = "research_telemetry";
/** The metric under which a replay is sealed; its value is `true` or `false`. */
export const REPLAY_METRIC = "replay_bit_exact";

/** Differences listed in the sealed detail at most; the count is always whole. */
const MAX_LISTED = 32;

/**
 * `replay_session` (cell format, section 6): recomputes every row of a session from its sealed
 * parameters and seals in `research_telemetry` whether all are bit-exact, and which rows were looked at.
 */
export const replaySession: Verb = async (given, context) => {
  const parsed = parseArguments(replayArguments, given);
  if ("refusal" in parsed) return parsed.refusal;
  const sessionId = parsed.args.session_id;
  const evidence = readEvidence(context.substrate, sessionId);
  if (evidence.kind === "unknown") {
    return refused("SESSION_UNKNOWN", `no evidence of the session ${JSON.stringify(sessionId)}`);
  }
  if (evidence.kind === "unusable") return refused("EVIDENCE_UNUSABLE", evidence.reason);

  const ranges = evidence.rows.map((row) => row.range);
  const measurements = await context.pool.run({ ranges }, context);
  const differences = evidence.rows.flatMap((row, index) =>
    differencesOf(row, measurements[index]),
  );
  const bitExact = differences.length === 0;
  const row = context.substrate.seal(TELEMETRY_TABLE, {
    telemetry_id: newId(context, "replay"),
    session_id: sessionId,
    metric: REPLAY_METRIC,
    value_text: String(bitExact),
    detail_json: encodePortable({
      rows: evidence.rows.length,
      evidence_digest: evidence.digest,
      difference_count: differences.length,
      differences: differences.slice(0, MAX_LISTED),
    }),
  });
  return ok({
    session_id: sessionId,
    bit_exact: bitExact,
    rows: evidence.rows.length,
    differences: differences.slice(0, MAX_LISTED),
    telemetry_id: String(row["telemetry_id"]),
    witness_hash_sha256: String(row["witness_hash_sha256"]),
  });
};

/** The columns that were sealed otherwise than they come out. */
function differencesOf(
  sealed: Evidence,
  computed: Measurement | undefined,
): readonly { readonly evidence_id: string; readonly column: string }[] {
  const same: Readonly<Record<string, boolean>> = {
    leading_zero_nibble_count: sealed.leadingZeroNibbleCount === computed?.leadingZeroNibbleCount,
    best_nonce: sealed.bestNonce === computed?.bestNonce,
    best_hash_hex: sealed.bestHashHex === computed?.bestHashHex,
    histogram_json: String(sealed.histogram) === String(computed?.histogram),
  };
  return Object.entries(same)
    .filter(([, isSame]) => !isSame)
    .map(([column]) => ({ evidence_id: sealed.evidenceId, column }));
}
