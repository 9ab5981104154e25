import { readFully, type StorageFile } from "./storage.js";

const FIRST_READ = 4_096;
const LARGEST_READ = 1 << 20;

/**
 * Reads payloads from a payload file. Where they are asked for in their order it reads ahead, up
 * to 1 MiB at a time; where they are not, only what was asked for and a page.
 */
export class PayloadReader {
  readonly #file: StorageFile;
  #buffer = new Uint8Array(0);
  /** What of the file lies in the buffer. */
  #start = 0;
  #filled = 0;
  #expected = -1;
  #ahead: number;

  /** @param ahead how much to read at least; 0 where one payload is all that will be asked for */
  constructor(file: StorageFile, ahead: number = FIRST_READ) {
    this.#file = file;
    this.#ahead = ahead;
  }

  /**
   * The `length` bytes at `offset`, of a file that is `fileSize` long; fewer where the file ends
   * before. The bytes are good until the next call.
   */
  read(offset: number, length: number, fileSize: number): Uint8Array {
    const sequential = offset === this.#expected;
    this.#expected = offset + length;
    const at = offset - this.#start;
    if (at < 0 || at + length > this.#filled) this.#fill(offset, length, fileSize, sequential);
    const from = offset - this.#start;
    return this.#buffer.subarray(from, Math.min(from + length, this.#filled));
  }

  #fill(offset: number, length: number, fileSize: number, sequential: boolean): void {
    if (sequential) this.#ahead = Math.min(this.#ahead * 2, LARGEST_READ);
    const wanted = Math.min(Math.max(length, this.#ahead), Math.max(0, fileSize - offset));
    if (wanted > this.#buffer.length) this.#buffer = new Uint8Array(wanted);
    this.#start = offset;
    this.#filled = 0;
    this.#filled = readFully(this.#file, this.#buffer.subarray(0, wanted), offset);
  }
}
