import {
  type Check,
  type FederationKeys,
  type Level,
  type VerificationReport,
  verificationReport,
} from "@gaiaftcl/witness";

/** The result of verifying one row (cell format, sections 2 and 5). */
export interface RowReport extends VerificationReport {
  readonly table: string;
  /** The value of the id column, where the row has one. */
  readonly id: string | undefined;
  /** `witness_hash_sha256` as the row states it; trust it only when the report is ok. */
  readonly witnessHash: string | undefined;
}

/** What a row must reach: `signed` with keys, otherwise what the caller asks, at least `witness`. */
export interface Requirement {
  readonly keys?: FederationKeys | undefined;
  readonly require?: Level | undefined;
}

/** The levels that a row reaches without signatures. */
const UNSIGNED: ReadonlySet<string | undefined> = new Set([undefined, "none", "witness", "facets"]);

/** Whether a row without signatures can be ok. */
export function isUnsigned({ keys, require }: Requirement): boolean {
  return keys === undefined && UNSIGNED.has(require);
}

/** Collects the checks of one row, in the order they were made. */
export class CheckList {
  readonly #checks: Check[] = [];

  pass(name: string): void {
    this.#checks.push({ name, status: "passed" });
  }

  fail(name: string, detail: string): void {
    this.#checks.push({ name, status: "failed", detail });
  }

  skip(name: string, detail: string): void {
    this.#checks.push({ name, status: "skipped", detail });
  }

  /** Passes where there is no problem, fails with the problem otherwise. */
  expect(name: string, problem: string | undefined): boolean {
    if (problem === undefined) this.pass(name);
    else this.fail(name, problem);
    return problem === undefined;
  }

  /**
   * Closes the list, with the checks of the seal last. The level is the one given, or none where a
   * check of the row itself failed.
   */
  report(
    subject: Pick<RowReport, "table" | "id" | "witnessHash">,
    level: Level,
    requirement: Requirement,
    sealChecks: readonly Check[] = [],
  ): RowReport {
    const failed = this.#checks.some((check) => check.status === "failed");
    const required = requirement.keys === undefined ? (requirement.require ?? "witness") : "signed";
    const report = verificationReport(
      failed ? "none" : level,
      [...this.#checks, ...sealChecks],
      required,
    );
    return { ...subject, ...report };
  }
}
