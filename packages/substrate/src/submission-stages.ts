import { CanonicalJsonError, decode } from "@gaiaftcl/canonical-json";
import { type RowRecord, verifyRow } from "@gaiaftcl/sealed-row";
import { ALGORITHM_NAMES } from "./algorithms.js";
import { EVALUATION_TABLE, type Verdict } from "./evaluate-algorithms.js";
import type { SessionEvidence } from "./evidence.js";
import { REPLAY_METRIC, TELEMETRY_TABLE } from "./replay-session.js";
import type { Substrate } from "./substrate.js";

/** The stages of a submission, in order (cell format, section 6). */
export const STAGES = ["drafted", "evidence_bound", "replayed", "evaluated", "authorised"] as const;

export type Stage = (typeof STAGES)[number];

/** The stage after this one; the first for null, none after the last or for an unknown one. */
export function nextStage(from: string | null): Stage | undefined {
  if (from === null) return STAGES[0];
  const at = (STAGES as readonly string[]).indexOf(from);
  return at < 0 ? undefined : STAGES[at + 1];
}

type Evidence = Extract<SessionEvidence, { kind: "evidence" }>;

/**
 * What a submission lacks for a stage, in words; every earlier stage is looked at again. A replay or
 * an evaluation counts only for exactly the evidence there is now: one that came later undoes it.
 */
export function missingEvidence(
  substrate: Substrate,
  stage: Stage,
  evidence: Evidence | undefined,
): readonly string[] {
  const needs = (wanted: Stage): boolean => STAGES.indexOf(stage) >= STAGES.indexOf(wanted);
  if (!needs("evidence_bound")) return [];
  if (evidence === undefined) return ["a session with evidence: give session_id"];
  return [
    ...(needs("replayed") ? missingReplay(substrate, evidence) : []),
    ...(needs("evaluated") ? missingEvaluations(substrate, evidence, needs("authorised")) : []),
  ];
}

function missingReplay(substrate: Substrate, evidence: Evidence): readonly string[] {
  const row = latest(substrate, TELEMETRY_TABLE, "metric", REPLAY_METRIC, evidence);
  if (row === undefined) return [`a replay of the session ${evidence.sessionId} (replay_session)`];
  return row["value_text"] === "true" ? [] : ["a replay that is bit-exact: the latest one is not"];
}

/**
 * To be authorised, no verdict may speak against the evidence, and the law of the hashes itself must
 * have been tested: a session of one extranonce has nothing to compare, which is no objection.
 */
function missingEvaluations(
  substrate: Substrate,
  evidence: Evidence,
  isAuthorisation: boolean,
): readonly string[] {
  return ALGORITHM_NAMES.flatMap((algorithm) => {
    const row = latest(substrate, EVALUATION_TABLE, "algorithm", algorithm, evidence);
    if (row === undefined) {
      return [`an evaluation of ${algorithm} for the session ${evidence.sessionId}`];
    }
    if (!isAuthorisation) return [];
    const verdict = row["verdict"] as Verdict;
    const isEnough =
      verdict === "consistent" ||
      (verdict === "inconclusive" && algorithm !== "leading_zero_geometric");
    return isEnough ? [] : [`a verdict of ${algorithm} that permits it: the latest is ${verdict}`];
  });
}

/** The latest row about this session, if it verifies and is about exactly this evidence. */
function latest(
  substrate: Substrate,
  table: string,
  column: string,
  value: string,
  evidence: Evidence,
): RowRecord | undefined {
  const [row] = substrate.select(
    `SELECT * FROM ${table} WHERE session_id = ? AND ${column} = ? ORDER BY seq DESC LIMIT 1`,
    evidence.sessionId,
    value,
  );
  if (row === undefined || !verifyRow(table, row).ok) return undefined;
  return digestIn(row["detail_json"]) === evidence.digest ? row : undefined;
}

function digestIn(detail: unknown): unknown {
  if (typeof detail !== "string") return undefined;
  try {
    const value = decode(detail);
    const isObject = typeof value === "object" && value !== null && "evidence_digest" in value;
    return isObject ? value["evidence_digest"] : undefined;
  } catch (error) {
    if (!(error instanceof CanonicalJsonError)) throw error;
    return undefined;
  }
}
