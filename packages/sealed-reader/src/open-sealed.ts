import { homedir } from "node:os";
import { resolve } from "node:path";
import { cellLayout } from "@gaiaftcl/cell-layout";
import type { FederationKeys, Level } from "@gaiaftcl/witness";
import { ChildEngine, type ChildEngineOptions } from "./child-engine.js";
import { inspectFile } from "./database-file.js";
import { LocalEngine } from "./local-engine.js";
import type { Engine } from "./scan-request.js";
import { SealedReader } from "./sealed-reader.js";
import { SealedReaderError } from "./sealed-reader-error.js";

export interface OpenSealedOptions {
  /** The federation's keys; with them every row must be signed by all five. */
  readonly keys?: FederationKeys | undefined;
  /** The least level of a good row without keys; default `witness`. */
  readonly require?: Level | undefined;
  /**
   * Read the file in a child process that is killed when it takes too long. Default: where another
   * account owns the file or may write it. Say `true` for any file that came from elsewhere.
   */
  readonly foreign?: boolean | undefined;
  /** How long a foreign file may take for one answer, in milliseconds; default 10,000. */
  readonly deadlineMs?: number | undefined;
  /** How long to wait for another process's lock, in milliseconds; default 5,000. */
  readonly busyTimeoutMs?: number | undefined;
  /** The largest value that is read, in bytes; default 16 MiB. */
  readonly maxValueBytes?: number | undefined;
  /**
   * Read a file that nobody writes, such as one on read-only media, without its `-shm` file.
   * Refused while a `-wal` file with rows lies beside it.
   */
  readonly immutable?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** SQLite's own check reads the whole file. */
const QUICK_CHECK_MS = 600_000;
const MAX_DEADLINE_MS = 86_400_000;

/**
 * Opens the sealed tables of a cell for reading, treating the file as hostile (cell format, section
 * 5): read-only, under every guard this runtime has, with every sealed name proved to be a real
 * table before anything is read from it.
 *
 * @param path default: the database of the cell that this environment describes
 * @throws SealedReaderError saying what is wrong with the file and the safe way out
 */
export async function openSealed(
  path?: string,
  options: OpenSealedOptions = {},
): Promise<SealedReader> {
  const { signal } = options;
  signal?.throwIfAborted();
  const file = await inspectFile(resolve(path ?? defaultPath()));
  const engineOptions: ChildEngineOptions = {
    immutable: options.immutable === true,
    maxValueBytes: bounded(
      "maxValueBytes",
      options.maxValueBytes ?? 16 * 1024 * 1024,
      1024,
      2 ** 29,
    ),
    busyTimeoutMs: bounded("busyTimeoutMs", options.busyTimeoutMs ?? 5_000, 0, 3_600_000),
    deadlineMs: bounded("deadlineMs", options.deadlineMs ?? 10_000, 1, MAX_DEADLINE_MS),
  };
  const isolated = options.foreign ?? file.foreign;
  const engine: Engine = isolated
    ? await ChildEngine.open(file.path, engineOptions, signal)
    : new LocalEngine(file.path, engineOptions);
  try {
    // Every sealed name is looked at once, so that a file that is not one fails here.
    await engine.shapes(signal);
  } catch (cause) {
    await engine.close();
    throw cause;
  }
  return new SealedReader({
    file,
    isolated,
    engine,
    engineOptions,
    judgeOptions: { keys: options.keys, require: options.require },
    quickCheck: (deadlineMs, checkSignal) =>
      checkApart(file.path, engineOptions, deadlineMs, checkSignal),
  });
}

/** SQLite's own check, in a process that is ended whatever comes of it. */
async function checkApart(
  path: string,
  options: ChildEngineOptions,
  deadlineMs: number | undefined,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const checker = await ChildEngine.open(
    path,
    {
      ...options,
      deadlineMs: bounded("deadlineMs", deadlineMs ?? QUICK_CHECK_MS, 1, MAX_DEADLINE_MS),
    },
    signal,
  );
  try {
    return await checker.quickCheck(signal);
  } finally {
    await checker.close();
  }
}

function defaultPath(): string {
  return cellLayout({
    platform: process.platform,
    homeDirectory: homedir(),
    env: process.env,
  }).databasePath;
}

function bounded(name: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new SealedReaderError(
    "OPTION_INVALID",
    `${name}: expected a whole number from ${least} to ${most}, found ${String(value)}`,
  );
}
