import { CanonicalJsonError, decode, encodePortable } from "@gaiaftcl/canonical-json";
import { type RowRecord, SEALED_TABLES } from "@gaiaftcl/sealed-row";
import { EVALUATION_TABLE } from "./evaluate-algorithms.js";
import { EVIDENCE_TABLE } from "./evidence.js";
import { TELEMETRY_TABLE } from "./replay-session.js";
import { SUBMISSION_TABLE } from "./submission-path.js";
import type { Substrate } from "./substrate.js";
import { newId } from "./verb.js";

const HEARTBEAT_TABLE = "franklin_heartbeat_history";

export interface HeartbeatOptions {
  readonly daemonSessionId: string;
  readonly cadenceSeconds: number;
  readonly tickAtIso: string;
  readonly randomBytes: (size: number) => Uint8Array;
}

/** The last `seq` of each table; tables are append-only, so it is also their number of rows. */
type Positions = Readonly<Record<string, number>>;

/**
 * Seals one heartbeat (cell format, section 6). Its counts are the rows added to this database since
 * the heartbeat before, by whichever process; what this cell does not do (it tunes nothing, plays no
 * games and heals nothing) is counted as 0. The summary has the number of rows of each table.
 */
export function sealHeartbeat(substrate: Substrate, options: HeartbeatOptions): RowRecord {
  const [row] = substrate.sealWith(() => {
    const before = lastPositions(substrate);
    const now = Object.fromEntries(
      SEALED_TABLES.map(({ name }): [string, number] => [name, substrate.lastSeq(name)]),
    );
    const count = (table: string): number => (now[table] ?? 0) - (before[table] ?? 0);
    const columns: RowRecord = {
      heartbeat_id: newId(options, "heartbeat"),
      tick_at_iso: options.tickAtIso,
      daemon_session_id: options.daemonSessionId,
      tick_cadence_seconds: options.cadenceSeconds,
      observations_count: count(EVIDENCE_TABLE) + count(TELEMETRY_TABLE),
      classifications_count: count(EVALUATION_TABLE),
      commission_proposals_count: countSince(
        substrate,
        before,
        SUBMISSION_TABLE,
        "to_stage = 'drafted'",
      ),
      tuning_adjustments_applied: 0,
      tuning_adjustments_held: 0,
      filtering_decisions_applied: countSince(
        substrate,
        before,
        "franklin_commands",
        "status = 'refused'",
      ),
      game_evaluations_run: 0,
      healing_escalations_processed: 0,
      substrate_state_summary_json: encodePortable({ rows: now }),
    };
    return [{ table: HEARTBEAT_TABLE, columns }];
  });
  return row as RowRecord;
}

function countSince(substrate: Substrate, before: Positions, table: string, where: string): number {
  const [row] = substrate.select(
    `SELECT count(*) AS rows FROM ${table} WHERE seq > ? AND ${where}`,
    before[table] ?? 0,
  );
  return Number(row?.["rows"] ?? 0);
}

/** Where the tables stood at the last heartbeat; at their beginning where it does not say. */
function lastPositions(substrate: Substrate): Positions {
  const [row] = substrate.select(
    `SELECT substrate_state_summary_json AS summary FROM ${HEARTBEAT_TABLE} ORDER BY seq DESC LIMIT 1`,
  );
  if (typeof row?.["summary"] !== "string") return {};
  try {
    const summary = decode(row["summary"]);
    if (typeof summary !== "object" || summary === null || !("rows" in summary)) return {};
    const { rows } = summary;
    if (typeof rows !== "object" || rows === null) return {};
    return Object.fromEntries(
      Object.entries(rows).filter(
        (entry): entry is [string, number] =>
          Number.isSafeInteger(entry[1]) && Number(entry[1]) >= 0,
      ),
    );
  } catch (error) {
    if (!(error instanceof CanonicalJsonError)) throw error;
    return {};
  }
}
