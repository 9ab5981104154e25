/** One thing that was looked at. */
export interface Check {
  /** For example `witness.hash`, `facet.cell_id`, `signature.tau_block`. */
  readonly name: string;
  readonly status: "passed" | "failed" | "skipped";
  /** Why it failed or was skipped. */
  readonly detail?: string;
}

/**
 * How much was proved, each level including the one before (cell format, section 2): `witness` (the
 * text and its hash), `facets` (all five recompute), `signed` (all five contexts carry valid
 * signatures by the five trusted keys).
 */
export type Level = "none" | "witness" | "facets" | "signed";

/** What a verification found; the answer to "is it good?" is `ok`, and the rest says why. */
export interface VerificationReport {
  /** No check failed, and the level that was required is reached. */
  readonly ok: boolean;
  readonly level: Level;
  readonly checks: readonly Check[];
  /** One line for people. */
  readonly summary: string;
}

const LEVELS: readonly Level[] = ["none", "witness", "facets", "signed"];

/** Whether a level is at least another. */
export function reaches(level: Level, required: Level): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(required);
}

/** Whether a text names a level. */
export function isLevel(value: unknown): value is Level {
  return LEVELS.some((level) => level === value);
}

/**
 * Puts a report together from its checks: it is good when none failed and the level reaches the one
 * required. Packages that verify more than a seal add their checks and use this once more.
 */
export function verificationReport(
  level: Level,
  checks: readonly Check[],
  required: Level,
): VerificationReport {
  const failed = checks.filter((check) => check.status === "failed");
  const ok = failed.length === 0 && reaches(level, required);
  return { ok, level, checks, summary: summarise(level, required, failed) };
}

const PROVES: Readonly<Record<Level, string>> = {
  none: "nothing was proved",
  witness:
    "the witness holds; not every facet could be checked; unsigned: proves consistency, not origin",
  facets: "witness and facets hold; unsigned: proves consistency, not origin",
  signed: "witness and facets hold, and all five contexts are signed",
};

function summarise(level: Level, required: Level, failed: readonly Check[]): string {
  const [first] = failed;
  if (first === undefined) {
    return reaches(level, required)
      ? `verified (${level}): ${PROVES[level]}`
      : `not verified: ${required} is required, reached ${level}: ${PROVES[level]}`;
  }
  const more = failed.length > 1 ? ` (and ${failed.length - 1} more)` : "";
  const detail = first.detail === undefined ? "" : `: ${first.detail}`;
  return `not verified (${level}): ${first.name} failed${detail}${more}`;
}
