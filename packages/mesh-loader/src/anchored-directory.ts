import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  type Stats,
} from "node:fs";
import { codeOf, MeshLoaderError, reasonOf } from "./mesh-loader-error.js";
import type { Pause } from "./pause.js";

const CHUNK_BYTES = 1024 * 1024;
/** Where the kernel resolves the rest of a path from an open directory, as `openat` does. */
const DESCRIPTORS = "/proc/self/fd";
/** `O_NOFOLLOW_ANY` of macOS: no component of the path may be a link. */
const NO_LINK_ANYWHERE = process.platform === "darwin" ? 0x20000000 : 0;
const NO_FOLLOW = (constants.O_NOFOLLOW ?? 0) | NO_LINK_ANYWHERE;
const READ_DIRECTORY = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | NO_FOLLOW;
/** A pipe is not waited for. */
const READ_FILE = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | NO_FOLLOW;

/**
 * A directory whose entries are opened without following a link, one component at a time, however
 * somebody moves things about meanwhile (cell format, section 4).
 *
 * On Linux each directory is held open, and the next component is resolved from it by the kernel. On
 * macOS the kernel refuses links anywhere in the path. Elsewhere every component is looked at before
 * the file is opened, and once more after it.
 */
export class AnchoredDirectory implements Disposable {
  /** For messages. */
  readonly path: string;
  readonly #descriptor: number | undefined;
  readonly #status: Stats;
  readonly #above: AnchoredDirectory | undefined;
  #open = true;

  private constructor(
    path: string,
    descriptor: number | undefined,
    status: Stats,
    above: AnchoredDirectory | undefined,
  ) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#status = status;
    this.#above = above;
  }

  /**
   * @param path absolute and without links
   * @param held whether directories are held open; where the system can, unless said otherwise
   * @throws the error of the file system
   */
  static open(path: string, held: boolean = canResolveFrom(path)): AnchoredDirectory {
    if (held) return AnchoredDirectory.#hold(path, path, undefined);
    return AnchoredDirectory.#look(path, undefined);
  }

  static #hold(
    target: string,
    path: string,
    above: AnchoredDirectory | undefined,
  ): AnchoredDirectory {
    const descriptor = openSync(target, READ_DIRECTORY);
    try {
      return new AnchoredDirectory(path, descriptor, fstatSync(descriptor), above);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  static #look(path: string, above: AnchoredDirectory | undefined): AnchoredDirectory {
    const status = lstatSync(path);
    if (status.isDirectory()) return new AnchoredDirectory(path, undefined, status, above);
    const code = status.isSymbolicLink() ? "ELOOP" : "ENOTDIR";
    throw Object.assign(new Error(`${path} is no directory`), { code });
  }

  /** What the directory is: equal for two handles exactly when they are of one directory. */
  get identity(): string {
    return `${this.#status.dev}:${this.#status.ino}`;
  }

  get status(): Stats {
    return this.#status;
  }

  /**
   * Opens a directory in this one.
   *
   * @throws MeshLoaderError `LINK` or `NOT_A_FILE`; an error with the code `ENOENT` when there is none
   */
  directory(name: string): AnchoredDirectory {
    const path = `${this.path}/${name}`;
    try {
      if (this.#descriptor === undefined) return AnchoredDirectory.#look(path, this);
      return AnchoredDirectory.#hold(this.#pathTo(name), path, this);
    } catch (error) {
      throw this.#explain(error, name, "a directory");
    }
  }

  /**
   * Reads a file in this directory: its size is looked at first, and at most that many bytes and one
   * are read. Yields after each mebibyte.
   *
   * @param accept called with the size before anything is read; throws to refuse it
   * @returns bytes of a buffer that nobody else holds
   * @throws MeshLoaderError `LINK`, `NOT_A_FILE`, `UNREADABLE`, or `ARTIFACT_MISMATCH` for a file that
   *   changes while it is read; an error with the code `ENOENT` when there is none
   */
  *file(name: string, accept: (bytes: number) => void): Generator<Pause, Uint8Array> {
    let descriptor: number | undefined;
    try {
      if (NO_FOLLOW === 0) this.#refuseLink(name);
      descriptor = openSync(this.#pathTo(name), READ_FILE);
      const status = fstatSync(descriptor);
      if (!status.isFile()) throw this.#wrongKind(name, status, "a file");
      if (this.#descriptor === undefined) this.#confirm();
      accept(status.size);
      return yield* readAll(descriptor, status.size, `${this.path}/${name}`);
    } catch (error) {
      throw this.#explain(error, name, "a file");
    } finally {
      if (descriptor !== undefined) closeSync(descriptor);
    }
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
  }

  #pathTo(name: string): string {
    return this.#descriptor === undefined
      ? `${this.path}/${name}`
      : `${DESCRIPTORS}/${this.#descriptor}/${name}`;
  }

  /** Looks again whether every directory on the way is still the one that was looked at before. */
  #confirm(): void {
    const now = lstatSync(this.path);
    if (now.dev !== this.#status.dev || now.ino !== this.#status.ino || !now.isDirectory()) {
      throw new MeshLoaderError("LINK", `${this.path} was replaced while it was read`);
    }
    if (this.#above !== undefined) this.#above.#confirm();
  }

  #refuseLink(name: string): void {
    const status = lstatSync(this.#pathTo(name));
    if (status.isSymbolicLink()) throw this.#wrongKind(name, status, "a file");
  }

  #wrongKind(name: string, status: Stats, wanted: string): MeshLoaderError {
    const where = `${this.path}/${name}`;
    if (status.isSymbolicLink()) return linkRefused(where, wanted);
    const found = status.isDirectory()
      ? "a directory"
      : status.isFile()
        ? "a file"
        : "something else";
    return new MeshLoaderError("NOT_A_FILE", `expected ${wanted} at ${where}, found ${found}`);
  }

  /** Turns an error of the file system into one that says what stands in the way. */
  #explain(error: unknown, name: string, wanted: string): unknown {
    if (error instanceof MeshLoaderError || codeOf(error) === "ENOENT") return error;
    const where = `${this.path}/${name}`;
    switch (codeOf(error)) {
      // FreeBSD and its kin say EMLINK for a link that is not to be followed.
      case "ELOOP":
      case "EMLINK":
        return linkRefused(where, wanted);
      case "ENOTDIR":
      case "EISDIR":
      case "ENXIO":
      case "EOPNOTSUPP":
        try {
          return this.#wrongKind(name, lstatSync(this.#pathTo(name)), wanted);
        } catch {
          return new MeshLoaderError("NOT_A_FILE", `expected ${wanted} at ${where}`, {
            cause: error,
          });
        }
      default:
        return new MeshLoaderError("UNREADABLE", `${where} cannot be read: ${reasonOf(error)}`, {
          cause: error,
        });
    }
  }
}

/** Whether the kernel resolves paths from an open directory here, and the process may use that. */
function canResolveFrom(path: string): boolean {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, READ_DIRECTORY);
    closeSync(openSync(`${DESCRIPTORS}/${descriptor}/.`, READ_DIRECTORY));
    return true;
  } catch {
    return false;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function* readAll(descriptor: number, size: number, where: string): Generator<Pause, Uint8Array> {
  // A buffer of its own: what is executed must not lie in memory that others share.
  const bytes = new Uint8Array(size + 1);
  let read = 0;
  for (;;) {
    const chunk = readSync(
      descriptor,
      bytes,
      read,
      Math.min(bytes.length - read, CHUNK_BYTES),
      null,
    );
    read += chunk;
    if (chunk === 0 || read > size) break;
    if (read < size) yield undefined;
  }
  if (read === size) return bytes.subarray(0, size);
  throw new MeshLoaderError(
    "ARTIFACT_MISMATCH",
    `expected ${size} bytes at ${where}, found ${read > size ? "more" : read} while it was read`,
  );
}

function linkRefused(where: string, wanted: string): MeshLoaderError {
  return new MeshLoaderError("LINK", `expected ${wanted} at ${where}, found a symbolic link`);
}
