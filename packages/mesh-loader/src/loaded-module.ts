import type { Manifest } from "@gaiaftcl/manifest/format";
import type { VerificationReport } from "@gaiaftcl/witness";
import type { ModuleVersion } from "./module-version.js";

/** What an ES module exports, as `import * as` gives it. */
export type ModuleNamespace = Readonly<Record<string, unknown>>;

/** A version of a module that was verified, registered and imported, with what is known of it. */
export class LoadedModule<Namespace = ModuleNamespace> {
  readonly name: string;
  /** What the module exports. */
  readonly module: Namespace;
  readonly manifest: Manifest;
  /** The hash that names this version. */
  readonly witnessHash: string;
  /** Every check that was made; without keys it says that the module is unsigned. */
  readonly report: VerificationReport;
  /** How old the version was when it was verified. */
  readonly ageSeconds: number;
  /** The URL of its entry, which stands in stack traces. */
  readonly url: string;
  /** The paths of its files, within the module, in the order of the manifest. */
  readonly paths: readonly string[];
  readonly #version: ModuleVersion;

  constructor(version: ModuleVersion, module: Namespace) {
    this.name = version.name;
    this.module = module;
    this.manifest = version.manifest;
    this.witnessHash = version.manifest.witnessHash;
    this.report = version.report;
    this.ageSeconds = version.ageSeconds;
    this.url = version.entryUrl;
    this.paths = [...version.paths];
    this.#version = version;
  }

  /**
   * The verified bytes of one file, as a copy.
   *
   * @param path within the module, or as it stands in the manifest
   * @throws MeshLoaderError `NO_SUCH_ARTIFACT` or `UNLOADED`
   */
  artifact(path: string): Uint8Array {
    const prefix = `${this.name.replaceAll(".", "/")}/`;
    const inManifest = !this.#version.paths.has(path) && path.startsWith(prefix);
    const within = inManifest ? path.slice(prefix.length) : path;
    return this.#version.bytesOf(within).slice();
  }
}
