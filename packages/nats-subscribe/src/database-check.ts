import { type Check, verificationReport } from "@gaiaftcl/witness";
import type { RowMessage } from "./message.js";
import { pause } from "./pause.js";
import type { RowSource } from "./row-source.js";

/** A row is committed before it is published, so it should be there; this is for a busy database. */
const PATIENCE_MS = 100;

/**
 * Confirms rows from the broker by the local database (cell format, section 7): the row must be
 * there, the same in every column.
 */
export class DatabaseCheck {
  readonly #source: RowSource;
  /** How long to wait for a row that is not there. It shrinks with each wait that was in vain. */
  #patience = PATIENCE_MS;

  constructor(source: RowSource) {
    this.#source = source;
  }

  async confirm(message: RowMessage, signal: AbortSignal): Promise<RowMessage> {
    const problem = await this.#problem(message, signal);
    const { report } = message;
    const check: Check =
      problem === undefined
        ? { name: "database", status: "passed" }
        : { name: "database", status: "failed", detail: problem };
    const checks = [...report.checks, check];
    if (problem === undefined) {
      return { ...message, origin: "database-confirmed", report: { ...report, checks } };
    }
    return {
      ...message,
      report: { ...report, ...verificationReport(report.level, checks, "witness") },
    };
  }

  async #problem(message: RowMessage, signal: AbortSignal): Promise<string | undefined> {
    const hash = message.row["witness_hash_sha256"];
    const seq = message.row["seq"];
    if (typeof hash !== "string") return "the row has no witness hash";
    let waited = 0;
    for (let wait = 2; ; wait *= 2) {
      let problem: string;
      try {
        const found = await this.#source.find(message.table, hash, {
          seq: typeof seq === "bigint" ? seq : undefined,
          signal,
        });
        if (found !== undefined) {
          this.#patience = PATIENCE_MS;
          return difference(message, found.row);
        }
        problem = "the database has no such row";
      } catch (cause) {
        signal.throwIfAborted();
        problem = `the database could not be read: ${cause instanceof Error ? cause.message : String(cause)}`;
      }
      if (waited >= this.#patience) {
        // Forged rows, however many, must not hold up the real ones.
        this.#patience = Math.floor(this.#patience / 2);
        return problem;
      }
      await pause(wait, signal);
      waited += wait;
    }
  }
}

function difference(message: RowMessage, row: RowMessage["row"]): string | undefined {
  const names = new Set([...Object.keys(message.row), ...Object.keys(row)]);
  for (const name of names) {
    const ours = message.row[name];
    if (ours !== row[name]) return `the database has another value in ${name}`;
  }
  return undefined;
}
