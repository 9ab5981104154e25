import { encodePortable } from "@gaiaftcl/canonical-json";
import type { RowRecord } from "@gaiaftcl/sealed-row";
import { ALGORITHM_NAMES, ALGORITHMS, type AlgorithmName, type Sample } from "./algorithms.js";
import type { ChiSquareTest } from "./chi-square.js";
import { newestSession, readEvidence, type SessionEvidence } from "./evidence.js";
import { blocked, type Outcome, ok, refused } from "./outcome.js";
import type { SealEntry } from "./substrate.js";
import { newId, type Verb, type VerbContext } from "./verb.js";
import { evaluateAllArguments, evaluateArguments, parseArguments } from "./verb-arguments.js";

export const EVALUATION_TABLE = "constitutional_evaluations";

/** A p-value below this says that the evidence does not follow the law. */
const SIGNIFICANCE = 0.01;

export type Verdict = "consistent" | "inconsistent" | "inconclusive";

/** `evaluate_algorithm` (cell format, section 6): one statistic over a session, sealed. */
export const evaluateAlgorithm: Verb = async (given, context) => {
  const parsed = parseArguments(evaluateArguments, given);
  if ("refusal" in parsed) return parsed.refusal;
  const { algorithm, session_id } = parsed.args;
  return evaluate([algorithm], session_id, context, ([evaluation]) => ok({ ...evaluation }));
};

/** `evaluate_all_algorithms` (cell format, section 6): all of them, sealed in one transaction. */
export const evaluateAllAlgorithms: Verb = async (given, context) => {
  const parsed = parseArguments(evaluateAllArguments, given);
  if ("refusal" in parsed) return parsed.refusal;
  return evaluate(ALGORITHM_NAMES, parsed.args.session_id, context, (evaluations) =>
    ok({ session_id: evaluations[0]?.session_id ?? null, evaluations }),
  );
};

/** An evaluation as an outcome tells it. */
interface EvaluationSummary {
  readonly [name: string]: string | null;
  readonly evaluation_id: string;
  readonly algorithm: string;
  readonly session_id: string;
  readonly statistic_text: string | null;
  readonly p_value_text: string | null;
  readonly verdict: string;
  readonly detail_json: string;
  readonly witness_hash_sha256: string;
}

async function evaluate(
  algorithms: readonly AlgorithmName[],
  givenSession: string | undefined,
  context: VerbContext,
  answer: (evaluations: readonly EvaluationSummary[]) => Outcome,
): Promise<Outcome> {
  const sessionId = givenSession ?? newestSession(context.substrate);
  if (sessionId === undefined) {
    return blocked(
      "EVIDENCE_MISSING",
      "there is no evidence yet; compose a measurement first (compose_qc020_measurement)",
    );
  }
  const evidence = readEvidence(context.substrate, sessionId);
  if (evidence.kind === "unknown") {
    return refused("SESSION_UNKNOWN", `no evidence of the session ${JSON.stringify(sessionId)}`);
  }
  if (evidence.kind === "unusable") return refused("EVIDENCE_UNUSABLE", evidence.reason);
  const samples = await readSamples(evidence, algorithms, context);
  if ("refusal" in samples) return samples.refusal;

  const entries = algorithms.map((algorithm): SealEntry => {
    const test = ALGORITHMS[algorithm].test(samples.samples);
    return {
      table: EVALUATION_TABLE,
      columns: {
        evaluation_id: newId(context, "evaluation"),
        algorithm,
        session_id: sessionId,
        ...columnsOf(test, evidence),
      },
    };
  });
  return answer(context.substrate.sealAll(entries).map(summaryOf));
}

type UsableEvidence = Extract<SessionEvidence, { kind: "evidence" }>;

/** The histograms as they were sealed and, where needed, those of the halves, computed again. */
async function readSamples(
  evidence: UsableEvidence,
  algorithms: readonly AlgorithmName[],
  context: VerbContext,
): Promise<{ readonly samples: readonly Sample[] } | { readonly refusal: Outcome }> {
  const needsHalves = algorithms.some((algorithm) => ALGORITHMS[algorithm].needsHalves);
  const measurements = needsHalves
    ? await context.pool.run({ ranges: evidence.rows.map((row) => row.range) }, context)
    : [];
  const samples: Sample[] = [];
  for (const [index, row] of evidence.rows.entries()) {
    const { histogram, evidenceId } = row;
    if (histogram === undefined) {
      const reason = `evidence ${evidenceId}: histogram_json does not count every nonce once`;
      return { refusal: refused("EVIDENCE_UNUSABLE", reason) };
    }
    const measurement = measurements[index];
    if (measurement !== undefined && String(measurement.histogram) !== String(histogram)) {
      const reason = `evidence ${evidenceId} does not come out as it was sealed; see replay_session`;
      return { refusal: refused("EVIDENCE_UNUSABLE", reason) };
    }
    samples.push({ histogram, halves: measurement?.halves ?? [[], []] });
  }
  return { samples };
}

function columnsOf(test: ChiSquareTest, evidence: UsableEvidence): RowRecord {
  const common = { rows: evidence.rows.length, evidence_digest: evidence.digest };
  if (test.kind === "inconclusive") {
    return {
      statistic_text: null,
      p_value_text: null,
      verdict: "inconclusive" satisfies Verdict,
      detail_json: encodePortable({ ...common, reason: test.reason }),
    };
  }
  const verdict: Verdict = test.pValue < SIGNIFICANCE ? "inconsistent" : "consistent";
  return {
    // Fixed decimals: fractions travel as text, and the same data gives the same text everywhere.
    statistic_text: test.statistic.toFixed(9),
    p_value_text: test.pValue.toFixed(12),
    verdict,
    detail_json: encodePortable({
      ...common,
      degrees_of_freedom: test.degreesOfFreedom,
      observed: test.observed,
      significance: String(SIGNIFICANCE),
    }),
  };
}

function summaryOf(row: RowRecord): EvaluationSummary {
  const text = (name: string): string => String(row[name]);
  return {
    evaluation_id: text("evaluation_id"),
    algorithm: text("algorithm"),
    session_id: text("session_id"),
    statistic_text: row["statistic_text"] as string | null,
    p_value_text: row["p_value_text"] as string | null,
    verdict: text("verdict"),
    detail_json: text("detail_json"),
    witness_hash_sha256: text("witness_hash_sha256"),
  };
}
