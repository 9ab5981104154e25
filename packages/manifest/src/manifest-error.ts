/** Why this package refused something; every code is one kind of refusal. */
export type ManifestErrorCode =
  /** More than 16 MiB of manifest. */
  | "TOO_LARGE"
  /** Not JSON, or JSON that two readers could understand differently; `cause` says why. */
  | "JSON"
  /** A member is missing or has another type. */
  | "FIELD"
  /** A `manifest_version` other than "1.0". */
  | "VERSION"
  /** A time that is not exactly `YYYY-MM-DDThh:mm:ssZ`, or no real date. */
  | "PRODUCED_AT"
  /** A cell id, domain id or lean artifact path that may not stand in a witness. */
  | "IDENTITY"
  /** A block height that is no safe integer from 0. */
  | "TAU_BLOCK"
  /** A path that means something else on another system, or leaves its directory. */
  | "ARTIFACT_PATH"
  /** Artifacts that are not in the order of the UTF-8 bytes of their paths. */
  | "ARTIFACT_ORDER"
  /** Two paths that are equal, or equal after normalisation and case folding. */
  | "ARTIFACT_DUPLICATE"
  /** More than 100,000 artifacts. */
  | "ARTIFACT_COUNT"
  /** A canonical witness other than the one that the fields give. */
  | "WITNESS"
  /** A witness hash other than that of the canonical witness. */
  | "WITNESS_HASH"
  /** A quintet that is not five texts. */
  | "QUINTET"
  /** A directory that is none, or cannot be listed. */
  | "DIRECTORY"
  /** A symbolic link where a file or directory was expected. */
  | "LINK"
  /** A socket, device or pipe where a file was expected. */
  | "SPECIAL_FILE"
  /** A file that cannot be read. */
  | "UNREADABLE"
  /** A file that changed while it was read. */
  | "FILE_CHANGED"
  /** Signatures are required and there are no keys to check them with. */
  | "KEYS_REQUIRED"
  /** An argument that cannot be used. */
  | "ARGUMENT";

/** The one error of this package. A file that fails verification is not an error but part of a report. */
export class ManifestError extends Error {
  readonly code: ManifestErrorCode;

  constructor(code: ManifestErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "ManifestError";
    this.code = code;
  }
}

/** Writes an untrusted text into a message: quoted, control characters escaped, cut to a line. */
export function quote(text: string, limit = 120): string {
  return JSON.stringify(text.length > limit ? `${text.slice(0, limit)}…` : text);
}
