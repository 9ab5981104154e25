import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { until } from "./until.ts";

/** How much of what a program says is kept, in lines. */
const LOG_LINES = 10_000;
/** How long after its end its output is waited for. */
const CLOSE_MS = 1_000;

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface ProgramOptions {
  readonly cwd?: string;
  /** Beside the variables of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** Takes the lines of its output, which go to the log otherwise. */
  readonly onLine?: (line: string) => void;
  /** Whom it runs as; as this process when left out. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Whether it is written to; otherwise it has no input. */
  readonly hasInput?: boolean;
}

/** A process that a test starts, hears and ends. It does not outlive the block it is used in. */
export class Program implements AsyncDisposable {
  /** How it ended, once what it said last has been read. */
  readonly exited: Promise<Exit>;
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #log: string[] = [];

  constructor(command: string, args: readonly string[], options: ProgramOptions = {}) {
    this.#name = basename(command);
    this.#child = spawn(command, args, {
      env: { ...process.env, ...options.env },
      stdio: [options.hasInput ? "pipe" : "ignore", "pipe", "pipe"],
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      ...options.user,
    });
    this.exited = this.#exit();
    // Nobody has to wait for it.
    this.exited.catch(() => undefined);
    const note = (line: string): void => {
      this.#log.push(line);
      if (this.#log.length > LOG_LINES) this.#log.shift();
    };
    this.#read(this.#child.stdout, options.onLine ?? note);
    this.#read(this.#child.stderr, note);
    this.#child.stdin?.on("error", () => undefined);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** What it has said so far, its errors included. */
  get log(): string {
    return this.#log.join("\n");
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** What `look` finds. @throws Error with the log when the program ends before it finds something */
  ready<Found>(what: string, look: Parameters<typeof until<Found>>[1]): Promise<Found> {
    return until(`${this.#name} ${what}`, async () => {
      if (!this.isRunning) throw this.endedTooSoon();
      return await look();
    });
  }

  /** Why something that was expected of it will not come. */
  endedTooSoon(): Error {
    const { exitCode, signalCode } = this.#child;
    return new Error(`${this.#name} ended with ${signalCode ?? exitCode}:\n${this.log}`);
  }

  /** Sends it a signal, if it still runs. */
  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) this.#child.kill(signal);
  }

  /** Ends it, and gives how it ended, also when it had before. */
  async end(signal: NodeJS.Signals = "SIGKILL"): Promise<Exit> {
    this.signal(signal);
    return await this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.pid !== undefined) await this.end();
  }

  async #exit(): Promise<Exit> {
    const closed = once(this.#child, "close").catch(() => undefined);
    const [code, signal] = await once(this.#child, "exit");
    // A child of its own may hold its output open.
    await Promise.race([closed, delay(CLOSE_MS, undefined, { ref: false })]);
    return { code, signal };
  }

  #read(stream: Readable | null, take: (line: string) => void): void {
    if (stream !== null) createInterface({ input: stream }).on("line", take);
  }
}
