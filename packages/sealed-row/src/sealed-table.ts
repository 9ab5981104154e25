import { SealedRowError } from "./sealed-row-error.js";

/** A value of one column; integers are `bigint` when read from SQLite, safe integers may be `number`. */
export type RowValue = string | bigint | number | null | Uint8Array;

/** One database row, or the row of one event, by its snake_case column names. */
export type RowRecord = Readonly<Record<string, RowValue>>;

export interface SealedColumn {
  readonly name: string;
  readonly type: "TEXT" | "INTEGER";
  readonly nullable: boolean;
}

/** One append-only table of the sealed surface (cell format, section 5). */
export interface SealedTable {
  readonly name: string;
  /** The first of its own columns; its value stands in the row witness as `id=`. */
  readonly idColumn: string;
  /** The NATS subject of its rows, the default of `nats_subject_sealed`. */
  readonly subject: string;
  /** Its own columns, which the payload digest covers, in the order of the table. */
  readonly columns: readonly SealedColumn[];
}

/**
 * The columns that every sealed table has after its own ones, in order (cell format, section 5).
 * `seq`, the integer primary key, comes before them all.
 */
export const SEAL_COLUMNS: readonly SealedColumn[] = Object.freeze([
  text("cell_id"),
  text("domain_id"),
  nullable(text("lean_artifact_path")),
  nullable(integer("tau_block")),
  text("sealed_at_iso"),
  nullable(text("nats_broadcast_at_iso")),
  text("canonical_witness"),
  text("witness_hash_sha256"),
  text("signature_quintet"),
  text("nats_subject_sealed"),
]);

/** The seven sealed tables of the cell (cell format, section 5). */
export const SEALED_TABLES: readonly SealedTable[] = Object.freeze([
  table("franklin_heartbeat_history", "gaiaftcl.substrate.franklin_heartbeat.sealed", [
    text("heartbeat_id"),
    text("tick_at_iso"),
    text("daemon_session_id"),
    integer("tick_cadence_seconds"),
    integer("observations_count"),
    integer("classifications_count"),
    integer("commission_proposals_count"),
    integer("tuning_adjustments_applied"),
    integer("tuning_adjustments_held"),
    integer("filtering_decisions_applied"),
    integer("game_evaluations_run"),
    integer("healing_escalations_processed"),
    nullable(text("substrate_state_summary_json")),
  ]),
  table(
    "qc020_joint_variation_evidence",
    "gaiaftcl.qc020.substrate.joint_variation_evidence.sealed",
    [
      text("evidence_id"),
      text("session_id"),
      text("session_seed_hex"),
      integer("cursor_extranonce"),
      integer("nonce_start"),
      integer("nonce_count"),
      integer("leading_zero_nibble_count"),
      integer("best_nonce"),
      text("best_hash_hex"),
      text("histogram_json"),
    ],
  ),
  table("research_telemetry", "gaiaftcl.substrate.research_telemetry.sealed", [
    text("telemetry_id"),
    nullable(text("session_id")),
    text("metric"),
    nullable(text("value_text")),
    nullable(text("detail_json")),
  ]),
  table("constitutional_evaluations", "gaiaftcl.substrate.constitutional_evaluation.sealed", [
    text("evaluation_id"),
    text("algorithm"),
    nullable(text("session_id")),
    nullable(text("statistic_text")),
    nullable(text("p_value_text")),
    text("verdict"),
    nullable(text("detail_json")),
  ]),
  table("substrate_developments", "gaiaftcl.substrate.development.sealed", [
    text("development_id"),
    text("title"),
    text("stage"),
    nullable(text("summary")),
    nullable(text("supersedes")),
    nullable(text("detail_json")),
  ]),
  table("production_submissions", "gaiaftcl.qc020.production_submission.sealed", [
    text("transition_id"),
    text("submission_id"),
    nullable(text("from_stage")),
    text("to_stage"),
    nullable(text("session_id")),
    nullable(text("reason")),
  ]),
  table("franklin_commands", "gaiaftcl.franklin.command.sealed", [
    text("command_id"),
    text("request_id"),
    text("operator_context"),
    text("method"),
    text("args_json"),
    text("status"),
    text("outcome_json"),
  ]),
]);

const byName: ReadonlyMap<string, SealedTable> = new Map(
  SEALED_TABLES.map((entry) => [entry.name, entry]),
);
const bySubject: ReadonlyMap<string, SealedTable> = new Map(
  SEALED_TABLES.map((entry) => [entry.subject, entry]),
);

/** The sealed table of that name, or `undefined`. */
export function sealedTable(name: string): SealedTable | undefined {
  return byName.get(name);
}

/** The sealed table whose rows are published on that subject, or `undefined`. */
export function tableForSubject(subject: string): SealedTable | undefined {
  return bySubject.get(subject);
}

/** @throws SealedRowError `TABLE_UNKNOWN`, naming the tables there are. */
export function ensureSealedTable(tableOrName: SealedTable | string): SealedTable {
  if (typeof tableOrName !== "string") return tableOrName;
  const found = byName.get(tableOrName);
  if (found !== undefined) return found;
  throw new SealedRowError(
    "TABLE_UNKNOWN",
    `expected one of the sealed tables ${[...byName.keys()].join(", ")}, found ${JSON.stringify(tableOrName)}`,
  );
}

function text(name: string): SealedColumn {
  return Object.freeze({ name, type: "TEXT", nullable: false });
}

function integer(name: string): SealedColumn {
  return Object.freeze({ name, type: "INTEGER", nullable: false });
}

function nullable(column: SealedColumn): SealedColumn {
  return Object.freeze({ ...column, nullable: true });
}

function table(name: string, subject: string, columns: readonly SealedColumn[]): SealedTable {
  return Object.freeze({
    name,
    idColumn: columns[0]?.name ?? "",
    subject,
    columns: Object.freeze(columns),
  });
}
