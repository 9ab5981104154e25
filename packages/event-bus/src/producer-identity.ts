import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { EventBusError } from "./event-bus-error.js";

const VERSION = 1;
const LENGTH = 9;
/** Sequence numbers of one run of a producer; the next run starts behind them. */
const RUN_LENGTH = 2 ** 32;
const MOST_RUNS = 2 ** 21;

/** Names a producer, and numbers its events so that no number is ever used for two. */
export class ProducerIdentity {
  /** Lower-case hexadecimal, without padding; never zero. */
  readonly nonce: string;
  readonly #path: string | undefined;
  readonly #sequences: Map<number, { next: number; end: number }> = new Map();
  #run: number;

  /**
   * Without a path, a nonce of this bus alone. With one, the nonce in that file, which is created
   * when it is missing; the numbers of earlier runs with the same file are not used again.
   *
   * @throws EventBusError `STORAGE` when the file cannot be read, created, or is none of this kind.
   */
  constructor(path?: string) {
    this.#path = path;
    if (path === undefined) {
      this.nonce = freshNonce().toString(16);
      this.#run = 0;
      return;
    }
    try {
      this.nonce = loadNonce(path).toString(16);
      this.#run = claimRun(path);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new EventBusError(
        "STORAGE",
        `fatal error: failed to load/create producer-nonce file at ${path}: ${reason}`,
        { cause },
      );
    }
  }

  /** The number of the first of `count` events of a shard. */
  take(shard: number, count: number): number {
    let sequence = this.#sequences.get(shard);
    if (sequence === undefined || sequence.next + count > sequence.end) {
      if (sequence !== undefined && this.#path !== undefined) this.#run = claimRun(this.#path);
      const start = this.#run * RUN_LENGTH;
      const end = this.#path === undefined ? Number.MAX_SAFE_INTEGER : start + RUN_LENGTH;
      sequence = { next: start, end };
      this.#sequences.set(shard, sequence);
    }
    const first = sequence.next;
    sequence.next += count;
    return first;
  }
}

function freshNonce(): bigint {
  for (;;) {
    const nonce = randomBytes(8).readBigUInt64LE();
    if (nonce !== 0n) return nonce;
  }
}

/** The nonce file: 0x01, then the nonce in eight bytes, little-endian (format, section 9.3). */
function loadNonce(path: string): bigint {
  for (;;) {
    const bytes = readIfThere(path);
    if (bytes !== undefined) return decodeNonce(bytes);
    const fresh = Buffer.alloc(LENGTH);
    fresh[0] = VERSION;
    fresh.writeBigUInt64LE(freshNonce(), 1);
    const sibling = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
    writeDurably(sibling, fresh);
    try {
      // Unlike a rename this never replaces what another process created in the meantime.
      linkSync(sibling, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    } finally {
      rmSync(sibling, { force: true });
    }
  }
}

function decodeNonce(bytes: Buffer): bigint {
  if (bytes.length !== LENGTH) {
    throw new EventBusError("STORAGE", `it has ${bytes.length} bytes; expected ${LENGTH}`);
  }
  if (bytes[0] !== VERSION) {
    throw new EventBusError("STORAGE", `its version is ${bytes[0]}; expected ${VERSION}`);
  }
  const nonce = bytes.readBigUInt64LE(1);
  if (nonce === 0n) throw new EventBusError("STORAGE", "its nonce is zero");
  return nonce;
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function writeDurably(path: string, bytes: Buffer): void {
  const file = openSync(path, "wx", 0o600);
  try {
    writeSync(file, bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/**
 * Claims the number of this run with an empty file beside the nonce, `<path>.run.<n>`. Creating it
 * is exclusive, so that two processes never share a number; older ones are removed.
 */
function claimRun(path: string): number {
  const directory = dirname(path);
  const prefix = `${basename(path)}.run.`;
  for (;;) {
    const runs = readdirSync(directory)
      .filter((name) => name.startsWith(prefix) && /^[0-9]+$/.test(name.slice(prefix.length)))
      .map((name) => Number(name.slice(prefix.length)));
    const run = Math.max(-1, ...runs) + 1;
    if (run >= MOST_RUNS) {
      throw new EventBusError(
        "STORAGE",
        `it has been used ${run} times; delete it and its .run file`,
      );
    }
    try {
      closeSync(openSync(join(directory, `${prefix}${run}`), "wx", 0o600));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") continue;
      throw error;
    }
    for (const older of runs) rmSync(join(directory, `${prefix}${older}`), { force: true });
    return run;
  }
}
