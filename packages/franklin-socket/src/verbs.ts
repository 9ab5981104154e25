/** The verbs of the founding documents (cell format, section 6); a server may know more. */
export const FRANKLIN_VERBS = [
  "franklin_authority_show",
  "compose_qc020_measurement",
  "advance_production_submission_path",
  "evaluate_algorithm",
  "evaluate_all_algorithms",
  "replay_session",
] as const;

export type FranklinVerb = (typeof FRANKLIN_VERBS)[number];

/** What `compose_qc020_measurement` measures; what is absent is the server's default. */
export interface ComposeMeasurement {
  /** 64 hex digits; absent means a random seed. */
  readonly sessionSeedHex?: string;
  /** Default 4. */
  readonly extranonceCount?: number;
  /** Default 65,536. */
  readonly noncesPerExtranonce?: number;
}

/** Which algorithm to evaluate, over one session or all. */
export interface EvaluateAlgorithm {
  /** Such as `leading_zero_geometric`. */
  readonly algorithm: string;
  readonly sessionId?: string;
}

/** Which submission to advance by one stage. */
export interface AdvanceSubmission {
  readonly submissionId: string;
  readonly sessionId?: string;
}
