import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Storage, StorageEntry, StorageFile } from "./storage.js";

const CLOSED = -1;

/** A file by its descriptor. fdatasync: the length is data too, only times may be lost. */
class NodeFile implements StorageFile {
  #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  size(): number {
    return fstatSync(this.#descriptor).size;
  }

  read(target: Uint8Array, position: number): number {
    return readSync(this.#descriptor, target, 0, target.length, position);
  }

  write(bytes: Uint8Array, position: number): number {
    return writeSync(this.#descriptor, bytes, 0, bytes.length, position);
  }

  truncate(length: number): void {
    ftruncateSync(this.#descriptor, length);
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#descriptor, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  syncNow(): void {
    fdatasyncSync(this.#descriptor);
  }

  close(): void {
    const descriptor = this.#descriptor;
    // The system gives the number to another file: a late call must not reach that one.
    this.#descriptor = CLOSED;
    closeSync(descriptor);
  }
}

/** The file system of this host. */
export const nodeStorage: Storage = {
  open(path, mode) {
    const flags = mode === "read" ? constants.O_RDONLY : constants.O_RDWR | constants.O_CREAT;
    return new NodeFile(openSync(path, flags, 0o644));
  },

  list(directory): readonly StorageEntry[] | undefined {
    try {
      return readdirSync(directory, { withFileTypes: true }).map((entry) => ({
        name: entry.name,
        kind: kindOf(entry.isSymbolicLink() ? target(join(directory, entry.name)) : entry),
      }));
    } catch (cause) {
      if (isCode(cause, "ENOENT")) return undefined;
      throw cause;
    }
  },

  makeDirectory(path) {
    try {
      mkdirSync(path);
    } catch (cause) {
      if (!isCode(cause, "EEXIST")) throw cause;
    }
  },

  rename(from, to) {
    renameSync(from, to);
  },

  remove(path) {
    rmSync(path, { recursive: true, force: true });
  },

  syncDirectory(path) {
    // Windows opens no directory, and keeps names by itself.
    if (process.platform === "win32") return;
    const descriptor = openSync(path, constants.O_RDONLY);
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  },
};

/** What a link points to; a log may be kept elsewhere. */
function target(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

function kindOf(entry: Pick<Stats, "isFile" | "isDirectory"> | undefined): StorageEntry["kind"] {
  if (entry?.isFile() === true) return "file";
  return entry?.isDirectory() === true ? "directory" : "other";
}

function isCode(cause: unknown, code: string): boolean {
  return cause instanceof Error && "code" in cause && cause.code === code;
}
