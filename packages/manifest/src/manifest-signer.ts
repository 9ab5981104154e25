import { join } from "node:path";
import type { FederationContext } from "@gaiaftcl/witness";
import type { PrivateKey } from "@gaiaftcl/witness/ed25519";
import { ensureArtifactCount } from "./artifact.js";
import { compareUtf8, ensureArtifactPath } from "./artifact-path.js";
import { type DigestProgress, digestFiles } from "./digest-files.js";
import { listDirectory } from "./directory-listing.js";
import type { FileDigest } from "./file-digest.js";
import { cosign, Manifest } from "./manifest.js";
import { ManifestError, quote } from "./manifest-error.js";
import { directoryName, ensurePrefix, withPrefix } from "./prefix.js";
import { formatProducedAt } from "./produced-at.js";

/** Who signs. */
export interface ManifestSignerOptions {
  readonly cellId: string;
  readonly domainId: string;
  /** The time of production; the system's clock unless given. */
  readonly clock?: () => Date;
  /** Keys to cosign with at once, any number of the five: a `Map`, or an object by context. */
  readonly keys?:
    | Iterable<readonly [FederationContext, PrivateKey]>
    | Readonly<Partial<Record<FederationContext, PrivateKey>>>;
  /** Threads that hash, this one included; as many as the machine runs at once, up to 8. */
  readonly threads?: number;
}

export interface SignDirectoryOptions {
  /**
   * What stands before every path, joined by `/`: the directory's own name unless given, nothing
   * when empty.
   */
  readonly prefix?: string | undefined;
  /** The artifact that the directory mirrors; one of the five facets. */
  readonly leanArtifactPath?: string | undefined;
  /** A block height; one of the five facets. */
  readonly tauBlock?: bigint | number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DigestProgress) => void) | undefined;
}

/** Makes manifests of directories (cell format, section 3). */
export class ManifestSigner {
  readonly #cellId: string;
  readonly #domainId: string;
  readonly #clock: () => Date;
  readonly #keys: ReadonlyMap<FederationContext, PrivateKey>;
  readonly #threads: number | undefined;

  constructor(options: ManifestSignerOptions) {
    this.#cellId = options.cellId;
    this.#domainId = options.domainId;
    this.#clock = options.clock ?? (() => new Date());
    this.#keys = new Map(entriesOf(options.keys ?? []));
    this.#threads = options.threads;
  }

  /**
   * Hashes every regular file in a directory and below, as streams and several at once, and returns
   * their manifest, cosigned with the keys there are. The same files and time give the same bytes.
   *
   * The time is taken before the first file is read. A file whose size or times change while it is
   * read is an error; what changes it without a trace in either is not seen.
   *
   * @throws ManifestError `LINK` or `SPECIAL_FILE` for what is no regular file, `ARTIFACT_PATH` for a
   *   name that other systems cannot have, `ARTIFACT_DUPLICATE` for two names that other systems take
   *   for one, `FILE_CHANGED`, `UNREADABLE`, `DIRECTORY`, `ARTIFACT_COUNT`, `IDENTITY`, `TAU_BLOCK`;
   *   the reason of the signal
   */
  async signDirectory(directory: string, options: SignDirectoryOptions = {}): Promise<Manifest> {
    const { signal, onProgress, leanArtifactPath, tauBlock } = options;
    const producedAtIso = formatProducedAt(this.#clock());
    const prefix = ensurePrefix(options.prefix ?? directoryName(directory));
    const names = await regularFiles(directory, prefix, signal);

    const jobs = names.map((name) => ({ path: join(directory, name) }));
    const digests = await digestFiles(jobs, { signal, onProgress, threads: this.#threads });
    const artifacts = names.map((name, position) => ({
      path: withPrefix(prefix, name),
      ...fileOf(join(directory, name), digests[position]),
    }));

    const unsigned = Manifest.create({
      cellId: this.#cellId,
      domainId: this.#domainId,
      producedAtIso,
      artifacts,
      leanArtifactPath,
      tauBlock,
    });
    let manifest = unsigned;
    for (const [context, key] of this.#keys) manifest = cosign(manifest, context, key);
    return manifest;
  }
}

function entriesOf(
  keys: NonNullable<ManifestSignerOptions["keys"]>,
): Iterable<readonly [FederationContext, PrivateKey]> {
  if (Symbol.iterator in keys) return keys;
  return Object.entries(keys) as [FederationContext, PrivateKey][];
}

/** The names of all files, relative to the directory; refuses everything that is not one. */
async function regularFiles(
  directory: string,
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const names: string[] = [];
  for await (const { path, kind } of listDirectory(directory, signal)) {
    if (kind !== "file") throw notRegular(join(directory, path), kind);
    ensureArtifactPath(withPrefix(prefix, path));
    names.push(path);
    ensureArtifactCount(names.length);
  }
  return names.sort(compareUtf8);
}

function fileOf(
  path: string,
  digest: FileDigest | undefined,
): { readonly sha256: string; readonly bytes: number } {
  switch (digest?.kind) {
    case "file":
      return { sha256: digest.sha256, bytes: digest.bytes };
    case "symlink":
    case "special":
      throw notRegular(path, digest.kind);
    case "unreadable":
      throw new ManifestError("UNREADABLE", `${path} cannot be read: ${digest.reason}`);
    default:
      throw new ManifestError(
        "FILE_CHANGED",
        `${path} changed while it was signed: sign again when nothing writes to it`,
      );
  }
}

function notRegular(path: string, kind: "symlink" | "special" | "unnameable"): ManifestError {
  switch (kind) {
    case "symlink":
      return new ManifestError(
        "LINK",
        `expected a file, found a symbolic link at ${path}: replace it by what it points to`,
      );
    case "special":
      return new ManifestError(
        "SPECIAL_FILE",
        `expected a file, found a socket, pipe or device at ${path}: move it out of the directory`,
      );
    case "unnameable":
      return new ManifestError(
        "ARTIFACT_PATH",
        `the name ${quote(path)} is no UTF-8, so it cannot be signed: rename it`,
      );
  }
}
