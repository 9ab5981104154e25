import { ensureAge } from "./freshness.js";
import type { LoaderPolicy } from "./loader-options.js";
import type { ModuleName } from "./module-name.js";
import { moduleRegistry } from "./module-registry.js";
import type { ImportScope, ModuleVersion } from "./module-version.js";
import { runBlocking } from "./pause.js";
import { readCachedManifest } from "./read-module.js";
import { ensureWanted, type VerifiedModule, verifyModule } from "./verify-module.js";

/**
 * The modules of one loader: its policy, the current version of each, and every version it ever took,
 * since holders of an old one keep it.
 */
export class ModuleScope implements ImportScope {
  readonly policy: LoaderPolicy;
  readonly #current = new Map<ModuleName, ModuleVersion>();
  readonly #versions = new Map<ModuleName, Set<ModuleVersion>>();

  constructor(policy: LoaderPolicy) {
    this.policy = policy;
  }

  get names(): readonly ModuleName[] {
    return [...this.#current.keys()];
  }

  current(name: ModuleName): ModuleVersion | undefined {
    return this.#current.get(name);
  }

  /** Makes a verified module importable in this scope. */
  adopt(verified: VerifiedModule): ModuleVersion {
    const version = moduleRegistry.adopt(verified, this);
    this.#current.set(verified.name, version);
    const versions = this.#versions.get(verified.name) ?? new Set();
    this.#versions.set(verified.name, versions.add(version));
    return version;
  }

  /**
   * The newest version of a module that another module imports, verified like any other. Synchronous,
   * since Node resolves imports so. What has not changed in the cache is not read again.
   *
   * @throws MeshLoaderError
   */
  acquire(name: ModuleName, importer: ModuleVersion): ModuleVersion {
    const current = this.#current.get(name);
    if (current !== undefined && (current.state === "new" || current.state === "ready")) {
      const { fileHash } = runBlocking(readCachedManifest(this.policy.cacheRoot, name));
      if (fileHash === current.manifestHash) {
        ensureWanted(this.policy, name, current.manifest, { importer });
        ensureAge(this.policy, name, current.manifest);
        return current;
      }
    }
    return this.adopt(runBlocking(verifyModule(this.policy, name, { importer })));
  }

  /** Forgets every version of a module; false when there was none. */
  release(name: ModuleName): boolean {
    const versions = this.#versions.get(name);
    if (versions === undefined) return false;
    this.#versions.delete(name);
    this.#current.delete(name);
    for (const version of versions) moduleRegistry.release(version, this);
    return true;
  }
}
