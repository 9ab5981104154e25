import { encode } from "@gaiaftcl/canonical-json";

/** What a command exits with (cell format, section 8). */
export const exitCodes = { ok: 0, blocked: 1, refused: 2, usage: 64 } as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/**
 * One record of `--json` output: a line of canonical JSON. What a witness or signature covers stands
 * under `signed`, what this program worked out about it under `derived`, so that a reader never
 * takes the one for the other.
 */
export interface OutputRecord {
  readonly kind: string;
  readonly signed?: unknown;
  readonly derived?: unknown;
}

export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** Where a command says what it found: lines for people, or NDJSON for programs. */
export class Output {
  readonly json: boolean;
  readonly #options: OutputOptions;
  #progressShown = false;

  constructor(options: OutputOptions) {
    this.json = options.json;
    this.#options = options;
  }

  /** Whether a person watches: only then is progress shown. */
  get interactive(): boolean {
    return this.#options.stderr.isTTY === true && !this.json && !this.#options.quiet;
  }

  /** A result: a record in `--json` mode, otherwise the lines that `human` gives. */
  result(record: OutputRecord, human: () => string | readonly string[]): void {
    this.#clearProgress();
    if (this.json) {
      this.#options.stdout.write(`${encode(record)}\n`);
      return;
    }
    const lines = human();
    this.#options.stdout.write(`${typeof lines === "string" ? lines : lines.join("\n")}\n`);
  }

  /** A remark beside the results; left out under `--quiet` and in `--json` mode. */
  remark(line: string): void {
    if (this.json || this.#options.quiet) return;
    this.#clearProgress();
    this.#options.stderr.write(`${line}\n`);
  }

  /** Something that happened while a command goes on: a remark, or a record in `--json` mode. */
  event(record: OutputRecord, line: string): void {
    if (this.json) this.#options.stdout.write(`${encode(record)}\n`);
    else this.remark(line);
  }

  /** A line that the next one replaces, on a terminal; nothing in a pipe. */
  progress(line: string): void {
    if (!this.interactive) return;
    this.#options.stderr.write(`\r\u001b[2K${line}`);
    this.#progressShown = true;
  }

  /** An error: what, where, and the command to type next. */
  failure(failure: {
    readonly code: string;
    readonly message: string;
    readonly next: string;
  }): void {
    this.#clearProgress();
    if (this.json) {
      this.#options.stdout.write(`${encode({ kind: "error", derived: failure })}\n`);
      return;
    }
    this.#options.stderr.write(`error: ${failure.message}\n  next: ${failure.next}\n`);
  }

  #clearProgress(): void {
    if (!this.#progressShown) return;
    this.#options.stderr.write("\r\u001b[2K");
    this.#progressShown = false;
  }
}
