import { type RowRecord, verifyRow } from "@gaiaftcl/sealed-row";
import { readEvidence } from "./evidence.js";
import { type Outcome, ok, refused } from "./outcome.js";
import { missingEvidence, nextStage, STAGES, type Stage } from "./submission-stages.js";
import type { Substrate } from "./substrate.js";
import { newId, type Verb, type VerbContext } from "./verb.js";
import { advanceArguments, parseArguments } from "./verb-arguments.js";

export const SUBMISSION_TABLE = "production_submissions";

/**
 * `advance_production_submission_path` (cell format, section 6): takes a submission one stage on,
 * where the sealed rows have the evidence for it, and says what is missing otherwise. Where the
 * submission stands is read in the transaction that moves it. Nothing leaves the host.
 */
export const advanceSubmissionPath: Verb = async (given, context) => {
  const parsed = parseArguments(advanceArguments, given);
  if ("refusal" in parsed) return parsed.refusal;
  const { submission_id, session_id } = parsed.args;
  let outcome: Outcome | undefined;
  const [sealed] = context.substrate.sealWith(() => {
    const step = nextStep(context, submission_id, session_id);
    if ("refusal" in step) {
      outcome = step.refusal;
      return [];
    }
    return [{ table: SUBMISSION_TABLE, columns: step.columns }];
  });
  return outcome ?? transitionOf(sealed ?? {});
};

type Step = { readonly columns: RowRecord } | { readonly refusal: Outcome };

function nextStep(context: VerbContext, submissionId: string, givenSession?: string): Step {
  const { substrate } = context;
  const last = lastTransition(substrate, submissionId);
  if (last !== undefined && !verifyRow(SUBMISSION_TABLE, last).ok) {
    return refuse("SUBMISSION_UNUSABLE", `the last transition of ${submissionId} does not verify`);
  }
  const from = last === undefined ? null : String(last["to_stage"]);
  const to = nextStage(from);
  if (to === undefined) {
    return from === STAGES.at(-1)
      ? refuse("PATH_COMPLETE", `${submissionId} is ${from} already; there is no stage after it`)
      : refuse("SUBMISSION_UNUSABLE", `${submissionId} is at the unknown stage ${from}`);
  }
  const bound = last?.["session_id"] ?? undefined;
  const sessionId = bound === undefined ? givenSession : String(bound);
  if (givenSession !== undefined && sessionId !== givenSession) {
    const reason = `${submissionId} is bound to the session ${sessionId}, not to ${givenSession}`;
    return refuse("SESSION_MISMATCH", reason);
  }
  return stepTo(to, { context, submissionId, from, sessionId });
}

interface Position {
  readonly context: VerbContext;
  readonly submissionId: string;
  readonly from: string | null;
  readonly sessionId: string | undefined;
}

function stepTo(to: Stage, { context, submissionId, from, sessionId }: Position): Step {
  const evidence = sessionId === undefined ? undefined : readEvidence(context.substrate, sessionId);
  if (evidence?.kind === "unknown") {
    return refuse("SESSION_UNKNOWN", `no evidence of the session ${JSON.stringify(sessionId)}`);
  }
  if (evidence?.kind === "unusable") return refuse("EVIDENCE_UNUSABLE", evidence.reason);
  const missing = missingEvidence(context.substrate, to, evidence);
  if (missing.length > 0) {
    const reason = `${submissionId} cannot become ${to}: missing ${missing.join("; ")}`;
    return { refusal: refused("EVIDENCE_MISSING", reason, { stage: to, missing }) };
  }
  return {
    columns: {
      transition_id: newId(context, "transition"),
      submission_id: submissionId,
      from_stage: from,
      to_stage: to,
      session_id: sessionId ?? null,
      reason:
        evidence === undefined
          ? "no session is bound yet"
          : `${evidence.rows.length} evidence rows with the digest ${evidence.digest}`,
    },
  };
}

function lastTransition(substrate: Substrate, submissionId: string): RowRecord | undefined {
  const [row] = substrate.select(
    `SELECT * FROM ${SUBMISSION_TABLE} WHERE submission_id = ? ORDER BY seq DESC LIMIT 1`,
    submissionId,
  );
  return row;
}

function transitionOf(row: RowRecord): Outcome {
  const text = (name: string): string | null => (row[name] ?? null) as string | null;
  return ok({
    submission_id: text("submission_id"),
    from_stage: text("from_stage"),
    to_stage: text("to_stage"),
    session_id: text("session_id"),
    transition_id: text("transition_id"),
    witness_hash_sha256: text("witness_hash_sha256"),
  });
}

function refuse(code: string, reason: string): Step {
  return { refusal: refused(code, reason) };
}
