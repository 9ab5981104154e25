import type { Manifest } from "@gaiaftcl/manifest/format";
import type { VerificationReport } from "@gaiaftcl/witness";
import type { LoaderPolicy } from "./loader-options.js";
import { MeshLoaderError, quote } from "./mesh-loader-error.js";
import { type ModuleEntry, type ModuleFormat, moduleEntry, moduleFormat } from "./module-entry.js";
import type { ModuleName } from "./module-name.js";
import type { VerifiedModule } from "./verify-module.js";

/** What a version is imported under, and where its own imports resolve. */
export interface ImportScope {
  readonly policy: LoaderPolicy;
  /** The newest version of another module. @throws MeshLoaderError */
  acquire(name: ModuleName, importer: ModuleVersion): ModuleVersion;
}

/**
 * One version of a module as Node sees it: its files under URLs of their own, and the scope in which
 * its imports resolve. What is executed are the bytes that were verified, and no others.
 */
export class ModuleVersion {
  readonly name: ModuleName;
  readonly manifest: Manifest;
  readonly manifestHash: string;
  readonly report: VerificationReport;
  readonly ageSeconds: number;
  readonly entry: ModuleEntry;
  readonly scope: ImportScope;
  /** The names of its files, which it keeps when the bytes are released. */
  readonly paths: ReadonlySet<string>;
  /** Versions of other modules that its files asked for so far. */
  readonly imports: Set<ModuleVersion> = new Set();
  /** Scopes that use it; without any its bytes are released. */
  readonly holders: Set<ImportScope> = new Set();
  /**
   * `failed` when its import did not succeed: Node remembers that for its URLs, so the next attempt
   * needs others.
   */
  state: "new" | "ready" | "failed" | "released" = "new";
  readonly #base: string;
  readonly #suffix: string;
  #files: ReadonlyMap<string, Uint8Array>;

  /** @throws MeshLoaderError `PACKAGE_JSON`, `ENTRY_MISSING` or `FORMAT` */
  constructor(verified: VerifiedModule, scope: ImportScope, instance: number) {
    this.name = verified.name;
    this.manifest = verified.manifest;
    this.manifestHash = verified.manifestHash;
    this.report = verified.report;
    this.ageSeconds = verified.ageSeconds;
    this.scope = scope;
    this.paths = new Set(verified.files.keys());
    this.entry = moduleEntry(verified.name, verified.files);
    moduleFormat(this.name, this.entry.path, this.entry);
    this.#files = verified.files;
    this.#base = `mesh:${verified.manifest.witnessHash}/${verified.name}/`;
    this.#suffix = instance === 1 ? "" : `#${instance}`;
  }

  get entryUrl(): string {
    return this.urlOf(this.entry.path);
  }

  /** `mesh:<witness hash>/<module>/<path>`, with `#2` and so on for further instances. */
  urlOf(path: string): string {
    const encoded = encodeURI(path).replaceAll("?", "%3F").replaceAll("#", "%23");
    return this.#base + encoded + this.#suffix;
  }

  formatOf(path: string): ModuleFormat {
    return moduleFormat(this.name, path, this.entry);
  }

  /** @throws MeshLoaderError `UNLOADED` or `NO_SUCH_ARTIFACT` */
  bytesOf(path: string): Uint8Array {
    const bytes = this.#files.get(path);
    if (bytes !== undefined) return bytes;
    if (this.state === "released" && this.paths.has(path)) {
      throw new MeshLoaderError(
        "UNLOADED",
        `${path} of ${this.name} ${this.manifest.witnessHash} was unloaded: load the module again`,
      );
    }
    throw new MeshLoaderError(
      "NO_SUCH_ARTIFACT",
      `${this.name} has no file ${quote(path)}; it has ${[...this.paths].slice(0, 10).join(", ")}${this.paths.size > 10 ? ", …" : ""}`,
    );
  }

  /** After an import of its entry that succeeded: all that it linked is good. */
  settle(): void {
    for (const version of this.#reachable()) {
      if (version.state !== "released") version.state = "ready";
    }
  }

  /** After an import of its entry that failed: Node remembers that for all that it was about to link. */
  abandon(): void {
    for (const version of this.#reachable()) {
      if (version.state === "new") version.state = "failed";
    }
  }

  /** Forgets the bytes. What was imported before goes on working. */
  release(): void {
    this.state = "released";
    this.#files = new Map();
  }

  #reachable(): ReadonlySet<ModuleVersion> {
    const reached = new Set<ModuleVersion>([this]);
    // A set gives what is added to it while it is walked as well.
    for (const version of reached) for (const imported of version.imports) reached.add(imported);
    return reached;
  }
}
