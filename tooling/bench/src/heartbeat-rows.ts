import {
  ensureSealedTable,
  GENESIS_HASH,
  type RowRecord,
  type SealedTable,
  sealRow,
} from "@gaiaftcl/sealed-row";
import type { Sha256Hex } from "@gaiaftcl/witness";

/** The table whose rows the readers and subscribers are measured with. */
export const TABLE: SealedTable = ensureSealedTable("franklin_heartbeat_history");

/** Rows of Franklin's heartbeat, one a second, sealed each after the other; without `seq`. */
export function* heartbeatRows(count: number): Generator<RowRecord> {
  let previous: string = GENESIS_HASH;
  for (let index = 0; index < count; index += 1) {
    const at = new Date(Date.UTC(2026, 10, 20) + index * 1000).toISOString();
    const row = sealRow(TABLE, {
      columns: {
        heartbeat_id: `hb-${index}-9f3c51d2`,
        tick_at_iso: at,
        daemon_session_id: "session-5b1e",
        tick_cadence_seconds: 60,
        observations_count: index,
        classifications_count: index % 7,
        commission_proposals_count: index % 3,
        tuning_adjustments_applied: 0,
        tuning_adjustments_held: 1,
        filtering_decisions_applied: 2,
        game_evaluations_run: 3,
        healing_escalations_processed: 0,
        substrate_state_summary_json: JSON.stringify({ queue: index, state: "running" }),
      },
      cellId: "gaiaftcl-bench-cell",
      domainId: "substrate",
      sealedAtIso: at,
      broadcastAtIso: at,
      previous: previous as Sha256Hex,
    });
    previous = String(row["witness_hash_sha256"]);
    yield row;
  }
}
