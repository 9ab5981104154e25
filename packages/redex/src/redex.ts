import { join } from "node:path";
import { ensureChannelName } from "./channel-name.js";
import { DirectoryLock } from "./directory-lock.js";
import { DiskStore } from "./disk-store.js";
import { isGenerationName } from "./manifest.js";
import { MemoryStore } from "./memory-store.js";
import { nodeStorage } from "./node-storage.js";
import { type CheckedOptions, checkOptions, type RedexFileOptions } from "./options.js";
import { recover } from "./recovery.js";
import { ioError, RedexError } from "./redex-error.js";
import { RedexFile } from "./redex-file.js";
import type { Storage } from "./storage.js";

/** How logs are opened. */
export interface RedexOptions {
  /** Unix nanoseconds, for the append times; the system's clock by default. */
  readonly clock?: () => bigint;
  /** The file system; this host's by default. */
  readonly storage?: Storage;
}

/**
 * The logs of one directory, or logs in memory. It is the only writer of its directory: a second
 * one, in this process or another, is refused.
 */
export class Redex implements AsyncDisposable {
  /** Undefined where all logs are in memory. */
  readonly directory: string | undefined;
  readonly #clock: () => bigint;
  readonly #storage: Storage;
  readonly #lock: DirectoryLock | undefined;
  readonly #files = new Map<string, Promise<RedexFile>>();
  #closing: Promise<void> | undefined;

  private constructor(
    directory: string | undefined,
    lock: DirectoryLock | undefined,
    options: RedexOptions,
  ) {
    this.directory = directory;
    this.#lock = lock;
    this.#clock = options.clock ?? systemClock;
    this.#storage = options.storage ?? nodeStorage;
  }

  /**
   * Opens a directory for writing, making it where it is missing; without one, logs are in memory.
   *
   * @throws RedexError `LOCKED` where it has a writer, `IO`
   */
  static async open(directory?: string, options: RedexOptions = {}): Promise<Redex> {
    // A storage of the caller's own is not on this host's disk, and nobody else can write it.
    const isHost = options.storage === undefined || options.storage === nodeStorage;
    const lock = directory !== undefined && isHost ? DirectoryLock.acquire(directory) : undefined;
    return new Redex(directory, lock, options);
  }

  /**
   * Opens a log, recovering it from whatever a crash left (`RedexFile.recovery` tells). A name that
   * was opened before gives the same log, options and all, also after that was closed.
   *
   * @throws RedexError `INVALID_NAME`, `INVALID_OPTION`, `CLOSED`, `IO`
   */
  async openFile(name: string, options: RedexFileOptions = {}): Promise<RedexFile> {
    ensureChannelName(name);
    const checked = checkOptions(options, this.directory !== undefined);
    if (this.#closing !== undefined) {
      throw new RedexError("CLOSED", "open_file", "the directory was closed");
    }
    const known = this.#files.get(name);
    if (known !== undefined) return known;
    const opening = this.#open(name, checked);
    this.#files.set(name, opening);
    opening.catch(() => this.#files.delete(name));
    return opening;
  }

  /**
   * Closes every log and gives the directory up.
   *
   * @throws RedexError of the first log that could not be fsynced; all are closed nonetheless
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    const opened = await Promise.allSettled(this.#files.values());
    const closed = await Promise.allSettled(
      opened.map((file) => (file.status === "fulfilled" ? file.value.close() : undefined)),
    );
    this.#lock?.release();
    const failed = closed.find((outcome) => outcome.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  async #open(name: string, checked: CheckedOptions): Promise<RedexFile> {
    const now = this.#clock;
    if (!checked.persistent || this.directory === undefined) {
      const store = new MemoryStore(checked.retention.maxAgeMs === undefined ? undefined : now);
      return new RedexFile({ ...checked, name, store, now });
    }
    const storage = this.#storage;
    try {
      const directory = makeDirectories(storage, this.directory, name);
      const log = await recover(storage, directory);
      const store = new DiskStore(log, now);
      const disk = { storage, directory };
      return new RedexFile({ ...checked, name, store, now, disk, recovery: log.report });
    } catch (cause) {
      throw ioError("open_file", `log ${name} could not be opened`, cause);
    }
  }
}

/** One directory for each segment of the name, all made to last, whoever made them. */
function makeDirectories(storage: Storage, root: string, name: string): string {
  let directory = root;
  for (const [depth, segment] of name.split("/").entries()) {
    if (depth > 0) ensureNoCollision(name, segment);
    const parent = directory;
    directory = join(parent, segment);
    storage.makeDirectory(directory);
    storage.syncDirectory(parent);
  }
  return directory;
}

/**
 * A log's directory holds its own files beside the directories of longer names, so these must not
 * be called what those are: 0.19.0 would delete one for the other.
 */
function ensureNoCollision(name: string, segment: string): void {
  if (!isGenerationName(segment) && !/^manifest(\.tmp)?$/.test(segment)) return;
  throw new RedexError(
    "INVALID_NAME",
    "invalid channel name",
    `"${segment}" in ${name} is what a log calls its own files; choose another name, or keep the log in memory`,
  );
}

function systemClock(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
