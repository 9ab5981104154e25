import { createHash, hash } from "node:crypto";
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
} from "node:fs";

/** A file to hash; with what it should be, when that is known. */
export interface DigestJob {
  readonly path: string;
  /** When the size differs, the file is not read. */
  readonly expected?: { readonly bytes: number; readonly sha256: string };
}

/** What was found in a file's place. */
export type FileDigest =
  /** Exactly what was expected. */
  | { readonly kind: "same" }
  | { readonly kind: "file"; readonly bytes: number; readonly sha256: string }
  /** The size is not the expected one, so nothing was read. */
  | { readonly kind: "size"; readonly bytes: number }
  /** The file changed while it was read. */
  | { readonly kind: "unstable" }
  | { readonly kind: "missing" }
  | { readonly kind: "symlink" | "directory" | "special" }
  | { readonly kind: "unreadable"; readonly reason: string };

/** The rest of a long file, in steps of one chunk; each step gives the bytes it read. */
export type DigestSteps = Generator<number, FileDigest>;

export const CHUNK_BYTES: number = 256 * 1024;

const SAME: FileDigest = { kind: "same" };
/** Not followed when it is a link, not waited for when it is a pipe. Windows has neither flag. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const LINKS_ARE_FOLLOWED = constants.O_NOFOLLOW === undefined;

/**
 * Hashes one file: at once when it fits a chunk, otherwise in steps, so that the caller can look up in
 * between. Nothing is thrown for what the file is or does; the digest says it.
 *
 * @param buffer of {@link CHUNK_BYTES}, reused from file to file
 */
export function digestFile(job: DigestJob, buffer: Uint8Array): FileDigest | DigestSteps {
  let descriptor: number;
  try {
    if (LINKS_ARE_FOLLOWED && lstatSync(job.path).isSymbolicLink()) return { kind: "symlink" };
    descriptor = openSync(job.path, OPEN_FLAGS);
  } catch (error) {
    return notOpened(error);
  }
  let long: OpenFile | undefined;
  try {
    const found = digestShort(job, descriptor, buffer);
    if ("kind" in found) return found;
    long = found;
    return digestLong(job, long, buffer);
  } catch (error) {
    return { kind: "unreadable", reason: reasonOf(error) };
  } finally {
    if (long === undefined) closeSync(descriptor);
  }
}

interface OpenFile {
  readonly descriptor: number;
  readonly size: number;
  /** What the file was before it was read, when nothing else tells that it changed. */
  readonly before: BigIntStats | undefined;
}

/** The digest of a file that fits the buffer, or what is needed to go on with a longer one. */
function digestShort(
  { expected }: DigestJob,
  descriptor: number,
  buffer: Uint8Array,
): FileDigest | OpenFile {
  // A digest that is compared afterwards needs no other proof that the file kept still.
  const before = expected === undefined ? fstatSync(descriptor, { bigint: true }) : undefined;
  const status = before ?? fstatSync(descriptor);
  if (status.isDirectory()) return { kind: "directory" };
  if (!status.isFile()) return { kind: "special" };
  const size = Number(status.size);
  if (expected !== undefined && size !== expected.bytes) return { kind: "size", bytes: size };
  const file = { descriptor, size, before };
  if (size >= CHUNK_BYTES) return file;

  // One byte more than the size is asked for, to see a file that grew.
  let read = 0;
  for (let chunk = -1; chunk !== 0 && read <= size; read += chunk) {
    chunk = readSync(descriptor, buffer, read, size + 1 - read, null);
  }
  return conclude(expected, file, read, hash("sha256", buffer.subarray(0, read), "hex"));
}

function* digestLong({ expected }: DigestJob, file: OpenFile, buffer: Uint8Array): DigestSteps {
  const { descriptor, size } = file;
  try {
    const whole = createHash("sha256");
    let read = 0;
    for (let chunk = -1; chunk !== 0 && read <= size; read += chunk) {
      const wanted = Math.min(size + 1 - read, CHUNK_BYTES);
      chunk = readSync(descriptor, buffer, 0, wanted, null);
      whole.update(buffer.subarray(0, chunk));
      yield chunk;
    }
    return conclude(expected, file, read, whole.digest("hex"));
  } catch (error) {
    return { kind: "unreadable", reason: reasonOf(error) };
  } finally {
    closeSync(descriptor);
  }
}

function conclude(
  expected: DigestJob["expected"],
  { descriptor, size, before }: OpenFile,
  read: number,
  sha256: string,
): FileDigest {
  if (read !== size) return { kind: "unstable" };
  if (expected !== undefined && sha256 === expected.sha256) return SAME;
  if (before !== undefined) {
    const after = fstatSync(descriptor, { bigint: true });
    const still =
      after.size === before.size &&
      after.mtimeNs === before.mtimeNs &&
      after.ctimeNs === before.ctimeNs;
    if (!still) return { kind: "unstable" };
  }
  return { kind: "file", bytes: size, sha256 };
}

function notOpened(error: unknown): FileDigest {
  switch (codeOf(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return { kind: "missing" };
    case "ELOOP":
    // FreeBSD and its kin say this for a link that is not to be followed.
    case "EMLINK":
      return { kind: "symlink" };
    case "EISDIR":
      return { kind: "directory" };
    // A socket has no reader to open.
    case "ENXIO":
    case "EOPNOTSUPP":
      return { kind: "special" };
    default:
      return { kind: "unreadable", reason: reasonOf(error) };
  }
}

/** The code of an error of the file system, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
