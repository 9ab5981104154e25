import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createRequire } from "node:module";
import type { Readable, Writable } from "node:stream";
import type { JsonValue } from "@gaiaftcl/canonical-json";
import {
  type Answer,
  broken,
  type ChildRequest,
  decodeAnswer,
  decodeBatch,
  decodeInteger,
  decodeShape,
  encodeRequest,
  maxAnswerBytes,
  objectOf,
} from "./child-protocol.js";
import { FrameReader } from "./frame.js";
import { closedError, type LocalEngineOptions } from "./local-engine.js";
import type { Engine, KeyCount, Scan, ScanBatch, ScanRequest, TableTail } from "./scan-request.js";
import { SealedReaderError } from "./sealed-reader-error.js";
import type { TableShape } from "./table-shape.js";

export interface ChildEngineOptions extends LocalEngineOptions {
  /** How long one answer may take before the process is killed, in milliseconds. */
  readonly deadlineMs: number;
}

interface Pending {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (cause: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Reads in a child process that may read files and do nothing else, and that is killed when an
 * answer is late. What it says is checked like any other input: only bytes cross over, and every
 * row is verified on this side.
 */
export class ChildEngine implements Engine {
  readonly #path: string;
  readonly #deadlineMs: number;
  readonly #child: Child;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #failure: SealedReaderError | undefined;

  private constructor(path: string, options: ChildEngineOptions) {
    this.#path = path;
    this.#deadlineMs = options.deadlineMs;
    this.#child = startChild();
    this.#listen(new FrameReader(maxAnswerBytes(options.maxValueBytes)));
  }

  static async open(
    path: string,
    options: ChildEngineOptions,
    signal?: AbortSignal,
  ): Promise<ChildEngine> {
    const engine = new ChildEngine(path, options);
    try {
      const { immutable, maxValueBytes, busyTimeoutMs } = options;
      await engine.#ask(
        { op: "open", path, options: { immutable, maxValueBytes, busyTimeoutMs } },
        signal,
      );
      return engine;
    } catch (cause) {
      await engine.close();
      throw cause;
    }
  }

  async shapes(signal?: AbortSignal): Promise<readonly TableShape[]> {
    const value = await this.#ask({ op: "shapes" }, signal);
    if (!Array.isArray(value)) throw broken("the shapes of tables");
    return value.map((entry: JsonValue) => decodeShape(entry));
  }

  async tail(table: string, signal?: AbortSignal): Promise<TableTail> {
    const answer = objectOf(await this.#ask({ op: "tail", table }, signal), "the end of a table");
    return {
      shape: decodeShape(answer["shape"]),
      lastKey: decodeInteger(answer["lastKey"]),
      sequence: decodeInteger(answer["sequence"]),
    };
  }

  async count(
    table: string,
    after: bigint | undefined,
    upTo: bigint,
    signal?: AbortSignal,
  ): Promise<KeyCount> {
    const request = {
      op: "count",
      table,
      upTo,
      ...(after === undefined ? {} : { after }),
    } as const;
    const answer = objectOf(await this.#ask(request, signal), "a count");
    const lastKey = decodeInteger(answer["lastKey"]);
    if (lastKey !== undefined && after !== undefined && lastKey <= after) throw broken("progress");
    return { count: decodeInteger(answer["count"]) ?? 0n, lastKey };
  }

  async scan(request: ScanRequest, signal?: AbortSignal): Promise<Scan> {
    const id = this.#nextId;
    let shape: TableShape;
    try {
      shape = decodeShape(await this.#ask({ op: "scan", request }, signal));
    } catch (cause) {
      // It may have been opened all the same, for a caller that did not wait.
      this.#end(id).catch(() => {});
      throw cause;
    }
    const columns = shape.columns.length;
    // The child reads one batch ahead while the one before is verified here.
    let ahead = this.#batch(id, columns);
    return {
      shape,
      next: async (nextSignal) => {
        const batch = await unlessAborted(ahead, nextSignal);
        if (!batch.done) ahead = this.#batch(id, columns);
        return batch;
      },
      close: () => this.#end(id),
    };
  }

  async cosignatures(witnessHash: string, signal?: AbortSignal): Promise<string | null> {
    const value = await this.#ask({ op: "cosignatures", witnessHash }, signal);
    if (value !== null && typeof value !== "string") throw broken("cosignatures");
    return value;
  }

  async quickCheck(signal?: AbortSignal): Promise<readonly string[]> {
    const value = await this.#ask({ op: "check" }, signal);
    if (!Array.isArray(value)) throw broken("a list of problems");
    return value.slice(0, 1000).map((line: JsonValue) => String(line).slice(0, 500));
  }

  async close(): Promise<void> {
    this.#fail(closedError(this.#path));
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      this.#child.once("close", () => resolve());
      if (this.#child.pid === undefined) resolve();
    });
  }

  #batch(scan: number, columns: number): Promise<ScanBatch> {
    const batch = this.#exchange({ op: "next", scan }).then((answer) => {
      if (!("rows" in answer)) throw broken("rows");
      return decodeBatch(answer.rows, answer.done, columns);
    });
    // It may fail before anybody asks for it, or after nobody will.
    batch.catch(() => {});
    return batch;
  }

  async #end(scan: number): Promise<void> {
    if (this.#failure === undefined) await this.#ask({ op: "end", scan });
  }

  async #ask(request: ChildRequest, signal?: AbortSignal): Promise<JsonValue> {
    const answer = await this.#exchange(request, signal);
    if (!("value" in answer)) throw broken("a value");
    return answer.value;
  }

  async #exchange(request: ChildRequest, signal?: AbortSignal): Promise<Answer> {
    signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
    const id = this.#nextId;
    this.#nextId += 1;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const timer = setTimeout(() => {
      // If it was this thread that was late, the answer is there and is read first.
      setImmediate(() => {
        if (this.#pending.has(id)) this.#fail(this.#late(request.op));
      });
    }, this.#deadlineMs);
    this.#pending.set(id, { resolve, reject, timer });
    this.#child.stdin.write(encodeRequest(id, request));
    // An answer that nobody waits for any more is still taken, and dropped.
    const answer = await unlessAborted(promise, signal);
    if ("error" in answer) throw answer.error;
    return answer;
  }

  #listen(frames: FrameReader): void {
    const child = this.#child;
    child.stdout.on("data", (chunk: Buffer) => {
      try {
        for (const frame of frames.push(chunk)) this.#settle(decodeAnswer(frame.kind, frame.body));
      } catch (cause) {
        this.#fail(cause instanceof SealedReaderError ? cause : broken("frames"));
      }
    });
    // A broken pipe shows as the end of the process as well, which says more.
    child.stdin.on("error", () => {});
    child.on("error", (cause) =>
      this.#fail(
        new SealedReaderError(
          "CHILD_FAILED",
          `the reading process did not start: ${cause.message}`,
          {
            cause,
          },
        ),
      ),
    );
    child.on("close", (code, signalName) =>
      this.#fail(
        new SealedReaderError(
          "CHILD_FAILED",
          `${this.#path}: the process reading it ended (${signalName ?? `exit code ${code}`}); the file may be made to crash SQLite. Do not open it in your own process`,
        ),
      ),
    );
  }

  #settle(answer: Answer): void {
    const pending = this.#pending.get(answer.id);
    if (pending === undefined) throw broken("an answer to something asked");
    this.#pending.delete(answer.id);
    clearTimeout(pending.timer);
    pending.resolve(answer);
  }

  /** Kills the process and tells everybody who waits; the first reason is kept. */
  #fail(reason: SealedReaderError): void {
    this.#failure ??= reason;
    this.#child.kill("SIGKILL");
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(this.#failure);
    }
    this.#pending.clear();
  }

  #late(operation: string): SealedReaderError {
    return new SealedReaderError(
      "DEADLINE",
      `${this.#path}: reading it (${operation}) took more than ${this.#deadlineMs} ms and was stopped; the file may be made to take for ever. Raise deadlineMs only for a file you trust`,
    );
  }
}

type Child = ChildProcessByStdio<Writable, Readable, null>;

/** A process that may read files and start the thread that watches over it, and nothing else. */
function startChild(): Child {
  try {
    const entry = createRequire(import.meta.url).resolve("#child-main");
    return spawn(
      process.execPath,
      [
        "--permission",
        "--allow-fs-read=*",
        "--allow-worker",
        "--max-old-space-size=512",
        "--disable-warning=ExperimentalWarning",
        "--disable-warning=SecurityWarning",
        entry,
      ],
      { stdio: ["pipe", "pipe", "ignore"], env: systemEnvironment(), windowsHide: true },
    );
  } catch (cause) {
    throw new SealedReaderError(
      "CHILD_FAILED",
      `a foreign file is read in a process of its own, and none could be started: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

/** The result of `work`, or the signal's reason if that comes first. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** What a process needs to start, and nothing of this one's secrets. */
function systemEnvironment(): NodeJS.ProcessEnv {
  const root = process.env["SystemRoot"];
  return root === undefined ? {} : { SystemRoot: root };
}
