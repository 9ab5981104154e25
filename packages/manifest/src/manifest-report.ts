import type { Check, Sha256Hex, VerificationReport } from "@gaiaftcl/witness";

/** What stands in the place of a file that was signed. */
export type FoundFile =
  /** `sha256` is absent when the size already differs: such a file is not read. */
  | { readonly kind: "file"; readonly bytes: number; readonly sha256?: string }
  /** A file that changed while it was read. */
  | { readonly kind: "unstable" }
  | { readonly kind: "symlink" | "directory" | "special" }
  | { readonly kind: "unreadable"; readonly reason: string };

export interface ChangedFile {
  /** As in the manifest. */
  readonly path: string;
  readonly expected: { readonly bytes: number; readonly sha256: Sha256Hex };
  readonly found: FoundFile;
}

/** What the verification of a directory found. `ok` is true exactly when every file is bit-exact. */
export interface ManifestReport extends VerificationReport {
  /** About the seal alone, whatever the files are. */
  readonly seal: VerificationReport;
  /** Files that were compared, and the bytes that were read for it. */
  readonly filesChecked: number;
  readonly bytesRead: number;
  /** Paths, as in the manifest, at which there is nothing. */
  readonly missing: readonly string[];
  readonly changed: readonly ChangedFile[];
  /** In strict mode: paths that are not in the manifest; the first 10,000 of them. */
  readonly extra: readonly string[];
  readonly extraCount: number;
}

/** What was found about the files alone. */
export interface FileFindings {
  readonly filesChecked: number;
  readonly bytesRead: number;
  readonly missing: readonly string[];
  readonly changed: readonly ChangedFile[];
  readonly extra: readonly string[];
  readonly extraCount: number;
  /** Undefined when extra files were not looked for. */
  readonly strict: boolean;
}

/** Joins what is known of the seal and of the files into one report. */
export function manifestReport(seal: VerificationReport, files: FileFindings): ManifestReport {
  const { strict, ...findings } = files;
  const checks = [...seal.checks, artifactCheck(files), extraCheck(files)];
  const filesHold = checks.slice(-2).every((check) => check.status !== "failed");
  return {
    ...findings,
    ok: seal.ok && filesHold,
    level: seal.level,
    checks,
    summary: summarise(seal, files, filesHold),
    seal,
  };
}

function artifactCheck({ missing, changed, filesChecked }: FileFindings): Check {
  const name = "artifacts";
  if (missing.length === 0 && changed.length === 0) return { name, status: "passed" };
  const detail = `of ${filesChecked} files ${missing.length} are missing and ${changed.length} changed`;
  return { name, status: "failed", detail };
}

function extraCheck({ strict, extraCount }: FileFindings): Check {
  const name = "extra";
  if (!strict) return { name, status: "skipped", detail: "extra files were not looked for" };
  if (extraCount === 0) return { name, status: "passed" };
  return { name, status: "failed", detail: `${extraCount} files are not in the manifest` };
}

function summarise(seal: VerificationReport, files: FileFindings, filesHold: boolean): string {
  if (!filesHold) {
    const first =
      files.changed[0]?.path ?? files.missing[0] ?? files.extra[0] ?? "a file that was not named";
    const faults = [
      [files.changed.length, "changed"],
      [files.missing.length, "missing"],
      [files.extraCount, "extra"],
    ] as const;
    const counts = faults.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
    return `not verified: ${counts.join(", ")}, first ${JSON.stringify(first)}`;
  }
  return seal.ok ? `${seal.summary}; ${files.filesChecked} files are bit-exact` : seal.summary;
}
