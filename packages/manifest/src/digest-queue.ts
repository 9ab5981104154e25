import { CHUNK_BYTES, type DigestJob, digestFile, type FileDigest } from "./file-digest.js";

/** What the threads of one run share. */
export interface SharedQueue {
  /** Three 32-bit counters: the next job, whether to stop, files done. */
  readonly counters: SharedArrayBuffer;
  /** One 64-bit float a thread, which only that thread writes: bytes read. */
  readonly bytesRead: SharedArrayBuffer;
  /** One byte a job: 1 when the file is exactly what was expected. */
  readonly same: SharedArrayBuffer;
}

/** What one thread found other than files that are as expected, with the positions of their jobs. */
export type DigestResults = readonly (readonly [position: number, digest: FileDigest])[];

const NEXT = 0;
const STOP = 1;
const FILES_DONE = 2;

/**
 * Jobs that several threads take from the front, one after another, so that none waits for another
 * whatever the sizes are.
 */
export class DigestQueue {
  readonly jobs: readonly DigestJob[];
  readonly shared: SharedQueue;
  readonly #counters: Int32Array;
  readonly #bytesRead: Float64Array;
  readonly #same: Uint8Array;

  constructor(jobs: readonly DigestJob[], shared: SharedQueue) {
    this.jobs = jobs;
    this.shared = shared;
    this.#counters = new Int32Array(shared.counters);
    this.#bytesRead = new Float64Array(shared.bytesRead);
    this.#same = new Uint8Array(shared.same);
  }

  static of(jobs: readonly DigestJob[], threads: number): DigestQueue {
    return new DigestQueue(jobs, {
      counters: new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT),
      bytesRead: new SharedArrayBuffer(threads * Float64Array.BYTES_PER_ELEMENT),
      same: new SharedArrayBuffer(jobs.length),
    });
  }

  /** Ends the run early, in every thread. */
  stop(): void {
    Atomics.store(this.#counters, STOP, 1);
  }

  get progress(): { readonly files: number; readonly bytes: number } {
    return {
      files: Atomics.load(this.#counters, FILES_DONE),
      bytes: this.#bytesRead.reduce((sum, bytes) => sum + bytes, 0),
    };
  }

  /** Whether some thread found the file of a job as expected. */
  isSame(position: number): boolean {
    return this.#same[position] === 1;
  }

  /**
   * Hashes files until none is left, one file or one chunk of a long file a step.
   *
   * @param thread which of the threads does it, from 0
   */
  *work(thread: number): Generator<void, DigestResults> {
    const results: [number, FileDigest][] = [];
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (;;) {
      if (Atomics.load(this.#counters, STOP) !== 0) return results;
      const position = Atomics.add(this.#counters, NEXT, 1);
      const job = this.jobs[position];
      if (job === undefined) return results;

      const found = digestFile(job, buffer);
      let digest: FileDigest;
      if ("kind" in found) {
        digest = found;
        if (digest.kind === "file") this.#addBytes(thread, digest.bytes);
        else if (digest.kind === "same") this.#addBytes(thread, job.expected?.bytes ?? 0);
      } else {
        let step = found.next();
        while (step.done !== true) {
          this.#addBytes(thread, step.value);
          if (Atomics.load(this.#counters, STOP) !== 0) {
            // Closes the file.
            found.return({ kind: "unstable" });
            return results;
          }
          yield;
          step = found.next();
        }
        digest = step.value;
      }
      if (digest.kind === "same") this.#same[position] = 1;
      else results.push([position, digest]);
      Atomics.add(this.#counters, FILES_DONE, 1);
      yield;
    }
  }

  #addBytes(thread: number, bytes: number): void {
    this.#bytesRead[thread] = (this.#bytesRead[thread] ?? 0) + bytes;
  }
}
