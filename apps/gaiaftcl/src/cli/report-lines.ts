import type { VerificationReport } from "@gaiaftcl/witness";

/** The one line of a verification: the verdict, its level, and what that level is worth. */
export function levelLine(
  subject: string,
  report: Pick<VerificationReport, "ok" | "level" | "summary">,
): string {
  return `${report.ok ? "verified" : "FAILED"} ${subject}: level ${report.level}; ${report.summary}`;
}

/** Every check of a report, one line each. */
export function reportLines(report: Pick<VerificationReport, "checks">): string[] {
  const marks = { passed: "ok  ", failed: "FAIL", skipped: "skip" } as const;
  return report.checks.map(
    ({ name, status, detail }) =>
      `  ${marks[status]} ${name}${detail === undefined ? "" : `: ${detail}`}`,
  );
}
