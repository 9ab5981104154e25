/** Why this package refused something; every code is one kind of refusal. */
export type MeshLoaderErrorCode =
  /** An argument or option that cannot be used. */
  | "ARGUMENT"
  /** Not a module name: dotted identifiers, at most 200 characters. */
  | "MODULE_NAME"
  /** A module name that is a built-in module of Node, which it would replace. */
  | "NAME_RESERVED"
  /** Signatures are required and there are no keys to check them with. */
  | "KEYS_REQUIRED"
  /** Federation keys were given and cannot be used; this never means "no keys". */
  | "KEYS_UNUSABLE"
  /** There is no directory at the cache root. */
  | "CACHE_ROOT"
  /** Somebody else may write to the cache root. */
  | "CACHE_ROOT_UNSAFE"
  /** There is no module of that name in the cache. */
  | "MANIFEST_MISSING"
  /** A manifest that cannot be read; `cause` says why. */
  | "MANIFEST_INVALID"
  /** The seal of the manifest does not hold, or is not signed by the federation's keys. */
  | "FEDERATION_FAILED"
  /** The manifest is not one of the module in whose place it stands. */
  | "UNBOUND"
  /** The manifest is not the one that the caller or the lock names. */
  | "PINNED"
  /** There is a lock, and the module is not in it. */
  | "NOT_LOCKED"
  /** A module of another cell or domain in one set of modules. */
  | "MIXED_ORIGIN"
  /** More bytes than the loader takes into memory. */
  | "TOO_LARGE"
  /** A signed file is not in the cache. */
  | "ARTIFACT_MISSING"
  /** A file is not the signed one. */
  | "ARTIFACT_MISMATCH"
  /** A symbolic link on the way to a file. */
  | "LINK"
  /** A directory, pipe, socket or device in the place of a file, or a file in that of a directory. */
  | "NOT_A_FILE"
  /** A file that cannot be read. */
  | "UNREADABLE"
  /** The module was replaced again and again while it was read. */
  | "UNSTABLE"
  /** Older than a version that was accepted before. */
  | "ROLLBACK"
  /** As old as a version that was accepted before, and another one. */
  | "EQUIVOCATION"
  /** Produced in the future. */
  | "FUTURE"
  /** Older than the caller accepts. */
  | "STALE"
  /** The record of accepted versions cannot be read or written. */
  | "TRUST_STORE"
  /** A `package.json` that cannot be used. */
  | "PACKAGE_JSON"
  /** There is no file to begin with. */
  | "ENTRY_MISSING"
  /** A file that is no JavaScript module, TypeScript, JSON or WebAssembly. */
  | "FORMAT"
  /** An import of something that is neither signed nor allowed. */
  | "IMPORT_DENIED"
  /** A relative import that leaves the module. */
  | "IMPORT_ESCAPES"
  /** A relative import of a file that is not in the manifest. */
  | "IMPORT_NOT_FOUND"
  /** A file that is imported as something that it is not, such as code as JSON. */
  | "IMPORT_ATTRIBUTE"
  /** `require` of a module that only `import` can load. */
  | "REQUIRE"
  /** A file of a version that was unloaded before it was imported. */
  | "UNLOADED"
  /** There is no such file in the module. */
  | "NO_SUCH_ARTIFACT"
  /** A module that is to be published is not newer than the one in the cache. */
  | "NOT_NEWER"
  /** The files to be published are not the signed ones. */
  | "SOURCE_CHANGED"
  /** The cache cannot be written. */
  | "PUBLISH";

/** The one error of this package. */
export class MeshLoaderError extends Error {
  readonly code: MeshLoaderErrorCode;

  constructor(code: MeshLoaderErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "MeshLoaderError";
    this.code = code;
  }
}

/** Writes an untrusted text into a message: quoted, control characters escaped, cut to a line. */
export function quote(text: string, limit = 120): string {
  return JSON.stringify(text.length > limit ? `${text.slice(0, limit)}…` : text);
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of an error of the file system, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
