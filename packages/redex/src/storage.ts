/** An open file of a log. Positions and lengths are bytes. */
export interface StorageFile {
  /** Its length when it was opened. */
  size(): number;
  /** Reads at `position`; returns how many bytes came, 0 at the end of the file. */
  read(target: Uint8Array, position: number): number;
  /** Writes at `position`; returns how many bytes were taken, which may be fewer than given. */
  write(bytes: Uint8Array, position: number): number;
  truncate(length: number): void;
  /** Resolves once everything written before the call will survive a power cut. */
  sync(): Promise<void>;
  syncNow(): void;
  close(): void;
}

/** What a directory holds: names, and which of them are plain files and directories. */
export interface StorageEntry {
  readonly name: string;
  readonly kind: "file" | "directory" | "other";
}

/**
 * The file system as a log uses it: a seam, so that a test can be a disk that fails. Calls throw
 * what the system says.
 */
export interface Storage {
  /** `read` needs the file to exist, `write` (which can also read) makes it. */
  open(path: string, mode: "read" | "write"): StorageFile;
  /** Undefined where there is no such directory. */
  list(directory: string): readonly StorageEntry[] | undefined;
  /** Makes one directory; its parent exists. No error where it exists. */
  makeDirectory(path: string): void;
  rename(from: string, to: string): void;
  /** Removes a file or a whole directory; no error where there is none. */
  remove(path: string): void;
  /** Makes the names in a directory survive a power cut. */
  syncDirectory(path: string): void;
}

/** Writes all of `bytes` at `position`, however little the system takes at a time. */
export function writeFully(file: StorageFile, bytes: Uint8Array, position: number): void {
  let done = 0;
  while (done < bytes.length) {
    const taken = file.write(done === 0 ? bytes : bytes.subarray(done), position + done);
    if (taken <= 0) throw new Error(`nothing could be written at byte ${position + done}`);
    done += taken;
  }
}

/** Reads until `target` is full or the file ends; returns the bytes read. */
export function readFully(file: StorageFile, target: Uint8Array, position: number): number {
  let done = 0;
  while (done < target.length) {
    const came = file.read(done === 0 ? target : target.subarray(done), position + done);
    if (came <= 0) break;
    done += came;
  }
  return done;
}
