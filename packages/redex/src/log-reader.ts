import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ensureChannelName } from "./channel-name.js";
import { checksum } from "./checksum.js";
import { completeGenerations, readManifest } from "./generation.js";
import { CHECKSUM_MASK, INLINE_FLAG, inlinePayload, RECORD_BYTES } from "./index-record.js";
import { generationDirectory } from "./manifest.js";
import { nodeStorage } from "./node-storage.js";
import { PayloadReader } from "./payload-reader.js";
import { RecordScanner, type RecordSource, scanOn } from "./record-scan.js";
import { ioError, RedexError } from "./redex-error.js";
import type { RedexEvent } from "./redex-event.js";
import { ensureSequence, MAX_SEQ } from "./sequence-runs.js";
import type { Storage, StorageFile } from "./storage.js";
import { lagged } from "./tail.js";
import { wholeRecords } from "./torn-records.js";

const BATCH_EVENTS = 256;
const DEFAULT_POLL_MS = 20;
/** A generation may be replaced while it is opened, but not each time. */
const ATTEMPTS = 16;

/** The live generation as it was when it was last looked at. */
class OpenGeneration implements RecordSource {
  readonly generation: number;
  readonly index: StorageFile;
  readonly payload: StorageFile;
  readonly scan: RecordScanner;
  payloadSize = 0;
  /** Whole records taken. */
  records = 0;

  constructor(storage: Storage, directory: string, generation: number) {
    this.generation = generation;
    const path = join(directory, generationDirectory(generation));
    this.index = storage.open(join(path, "idx"), "read");
    try {
      this.payload = storage.open(join(path, "dat"), "read");
    } catch (cause) {
      this.index.close();
      throw cause;
    }
    this.scan = new RecordScanner(this);
  }

  close(): void {
    this.index.close();
    this.payload.close();
  }
}

/**
 * Reads one log of a directory that another process may be writing, and changes nothing there. It
 * sees what the writer has appended, fsynced or not; a log that does not exist yet is empty.
 * `LogReader.open` opens it.
 */
export class LogReader implements Disposable {
  readonly name: string;
  readonly #storage: Storage;
  readonly #directory: string;
  #open: OpenGeneration | undefined;
  #refreshing: Promise<void> | undefined;
  #isClosed = false;

  private constructor(storage: Storage, directory: string, name: string) {
    this.name = name;
    this.#storage = storage;
    this.#directory = directory;
  }

  /**
   * Opens the log `name` of `directory` for reading, and reads its index.
   *
   * @throws RedexError `INVALID_NAME`, `IO`
   */
  static async open(
    directory: string,
    name: string,
    options: { readonly storage?: Storage } = {},
  ): Promise<LogReader> {
    const path = join(directory, ...ensureChannelName(name).split("/"));
    const reader = new LogReader(options.storage ?? nodeStorage, path, name);
    await reader.refresh();
    return reader;
  }

  /** How many events there were at the last refresh. */
  get length(): number {
    return this.#open?.scan.runs.end ?? 0;
  }

  /** The number of the oldest event; undefined where there is none. */
  get firstSeq(): bigint | undefined {
    return this.length === 0 ? undefined : this.#open?.scan.runs.seqAt(0);
  }

  /** The number after the newest event's. */
  get nextSeq(): bigint {
    const runs = this.#open?.scan.runs;
    return runs === undefined || runs.end === 0 ? 0n : runs.seqAt(runs.end - 1) + 1n;
  }

  /** Looks at what was appended, or rewritten, since. @throws RedexError `IO`, `CLOSED` */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** The events numbered from `start` to before `end`, as of the last refresh; at most `limit`. */
  readRange(start: bigint | number, end: bigint | number, limit: number = Infinity): RedexEvent[] {
    const from = ensureSequence("read_range", start);
    const to = ensureSequence("read_range", end);
    const events: RedexEvent[] = [];
    const open = this.#open;
    if (open === undefined) return events;
    const { runs, table } = open.scan;
    const payloads = new PayloadReader(open.payload);
    for (let position = runs.lowerBound(from, 0); position < runs.end; position += 1) {
      const seq = runs.seqAt(position);
      if (events.length >= limit || (seq >= to && runs.ascending)) break;
      if (seq < from || seq >= to) continue;
      const [offset, length] = [table.word(position, 0), table.word(position, 1)];
      const last = table.word(position, 2);
      const inline = last >= INLINE_FLAG;
      const payload = inline
        ? inlinePayload(offset, length)
        : payloads.read(offset, length, open.payloadSize).slice();
      const sum = last & CHECKSUM_MASK;
      if (checksum(payload) === sum) events.push({ seq, payload, checksum: sum, inline });
    }
    return events;
  }

  /**
   * Follows the log from `from` on (by default, from the oldest event): what is there, then what
   * is appended, looking for it every `pollMs` (20). It never ends by itself.
   *
   * @throws RedexError `LAGGED` where what comes next was evicted; `IO`; the reason of `signal`
   */
  async *tail(
    from?: bigint | number,
    options: { readonly signal?: AbortSignal; readonly pollMs?: number } = {},
  ): AsyncGenerator<RedexEvent, void, undefined> {
    const { signal, pollMs = DEFAULT_POLL_MS } = options;
    let next = ensureSequence("tail", from ?? this.firstSeq ?? this.nextSeq);
    let isIdle = false;
    for (;;) {
      signal?.throwIfAborted();
      if (isIdle) await pause(pollMs, signal);
      await this.refresh();
      if (next < (this.firstSeq ?? 0n)) throw lagged();
      const events = this.readRange(next, MAX_SEQ, BATCH_EVENTS);
      isIdle = events.length === 0;
      for (const event of events) {
        next = event.seq + 1n;
        yield event;
        signal?.throwIfAborted();
      }
    }
  }

  /** Ends tails with `CLOSED`, and closes the files. */
  close(): void {
    this.#isClosed = true;
    this.#open?.close();
    this.#open = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #refresh(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      if (this.#isClosed) throw new RedexError("CLOSED", "read", "reader closed");
      try {
        await this.#look();
        return;
      } catch (cause) {
        if (attempt < ATTEMPTS && !this.#isClosed) continue;
        if (this.#isClosed) throw new RedexError("CLOSED", "read", "reader closed", { cause });
        throw ioError("read", `log ${this.name} could not be read`, cause);
      }
    }
  }

  async #look(): Promise<void> {
    const generation = this.#liveGeneration();
    if (generation === undefined) return;
    let open = this.#open;
    // A writer that recovered, or took a failed write back, has cut the index.
    const wasCut =
      open?.generation === generation && open.index.size() < open.records * RECORD_BYTES;
    if (open === undefined || open.generation !== generation || wasCut) {
      open = new OpenGeneration(this.#storage, this.#directory, generation);
    }
    try {
      // The index first: a record that is there has its payload.
      const found = Math.floor(open.index.size() / RECORD_BYTES);
      open.payloadSize = open.payload.size();
      // What a crash has torn, the next writer cuts.
      const records = Math.max(open.records, wholeRecords(open, found));
      await scanOn(open.scan, open.records, records);
      open.records = records;
    } catch (cause) {
      if (open !== this.#open) open.close();
      throw cause;
    }
    if (open === this.#open) return;
    if (this.#isClosed) {
      open.close();
      throw new RedexError("CLOSED", "read", "reader closed");
    }
    this.#open?.close();
    this.#open = open;
  }

  #liveGeneration(): number | undefined {
    const entries = this.#storage.list(this.#directory);
    if (entries === undefined) return undefined;
    const complete = completeGenerations(this.#storage, this.#directory, entries);
    const named = readManifest(this.#storage, this.#directory, entries);
    return named !== undefined && complete.includes(named) ? named : complete[0];
  }
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch {
    signal?.throwIfAborted();
  }
}
