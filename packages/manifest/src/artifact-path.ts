import { ManifestError, quote } from "./manifest-error.js";

declare const brand: unique symbol;

/** A path that names the same file, inside its directory, on every system. */
export type ArtifactPath = string & { readonly [brand]: "ArtifactPath" };

const MAX_PATH_BYTES = 1024;
const MAX_SEGMENT_BYTES = 255;

/** Most paths: printable ASCII without `\`, `:`; dots, device names and lengths are looked at apart. */
const PLAIN = /^[ -9;-[\]-~]+$/;
/** Unicode category Cc, which includes NUL. */
const CONTROL = /\p{Cc}/u;
/**
 * The names that Windows gives to devices, with any extension and in any case: `nul`, `NUL.txt`,
 * `com1.tar.gz`, and `con .txt`, whose space it ignores. The three superscript digits count as digits.
 */
const DEVICE = /^(?:con|prn|aux|nul|com[1-9¹²³]|lpt[1-9¹²³]|conin\$|conout\$) *(?:\.|$)/i;

/** Whether a value is an artifact path; see {@link ensureArtifactPath}. */
export function isArtifactPath(value: unknown): value is ArtifactPath {
  return typeof value === "string" && pathFault(value) === undefined;
}

/**
 * The path itself, when it may stand in a manifest (cell format, section 3): relative, segments
 * separated by `/`, none of them empty, `.` or `..`, none ending in a dot or a space, none a device
 * name of Windows; no `\`, `:` or control character; normalisation form C; at most 255 bytes a
 * segment and 1,024 in all. The rule is the same on every system.
 *
 * @throws ManifestError `ARTIFACT_PATH`
 */
export function ensureArtifactPath(path: unknown): ArtifactPath {
  if (typeof path !== "string") {
    throw new ManifestError("ARTIFACT_PATH", `expected an artifact path, found ${typeof path}`);
  }
  const fault = pathFault(path);
  if (fault === undefined) return path as ArtifactPath;
  throw new ManifestError("ARTIFACT_PATH", `the path ${quote(path)} cannot be signed: ${fault}`);
}

/** Why a text is no artifact path, or undefined when it is one. */
export function pathFault(path: string): string | undefined {
  const plain = PLAIN.test(path);
  if (!plain) {
    const fault = characterFault(path);
    if (fault !== undefined) return fault;
  }
  const bytes = plain ? path.length : utf8Length(path);
  if (bytes > MAX_PATH_BYTES) return `it has ${bytes} bytes, and at most ${MAX_PATH_BYTES} may`;
  for (const segment of path.split("/")) {
    const fault = segmentFault(segment, plain);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function characterFault(path: string): string | undefined {
  if (path === "") return "it is empty";
  if (!path.isWellFormed()) return "it has a lone surrogate";
  if (path.includes("\\")) return "it has a backslash, which separates directories on Windows";
  if (path.includes(":")) return "it has a colon, which names a drive or a stream on Windows";
  const control = CONTROL.exec(path);
  if (control !== null) return `it has the control character ${quote(control[0])}`;
  if (path.normalize("NFC") !== path) return "it is not in normalisation form C";
  return undefined;
}

function segmentFault(segment: string, plain: boolean): string | undefined {
  if (segment === "") return "it begins or ends with / or has // inside";
  if (segment === "." || segment === "..") return `it has the segment ${quote(segment)}`;
  if (segment.endsWith(".") || segment.endsWith(" ")) {
    return `the segment ${quote(segment)} ends in a dot or a space, which Windows drops`;
  }
  if (DEVICE.test(segment)) return `the segment ${quote(segment)} is a device on Windows`;
  const bytes = plain ? segment.length : utf8Length(segment);
  if (bytes > MAX_SEGMENT_BYTES) {
    return `the segment ${quote(segment)} has ${bytes} bytes, and at most ${MAX_SEGMENT_BYTES} may`;
  }
  return undefined;
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    // Each half of a surrogate pair is two of the four bytes.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 2 : 3;
  }
  return bytes;
}

/**
 * Compares two well-formed texts by their UTF-8 bytes, the order in which a manifest lists its
 * artifacts. UTF-16 order differs above U+FFFF: surrogates have smaller units than U+E000 to U+FFFF.
 */
export function compareUtf8(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index += 1) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) return rank(a) - rank(b);
  }
  return left.length - right.length;
}

/** Moves the surrogates above all other units. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit <= 0xdfff ? unit + 0x2000 : unit - 0x800;
}
