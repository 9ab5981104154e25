import { ensureSha256Hex } from "@gaiaftcl/witness";
import type { Explanation } from "./explain.js";
import { LoadedModule, type ModuleNamespace } from "./loaded-module.js";
import { type LoaderPolicy, loaderPolicy, type MeshLoaderOptions } from "./loader-options.js";
import { ensureLoadable, ensureModuleName, type ModuleName } from "./module-name.js";
import { moduleRegistry } from "./module-registry.js";
import { ModuleScope } from "./module-scope.js";
import type { ModuleVersion } from "./module-version.js";
import { runPausing } from "./pause.js";
import { type PublishedModule, type PublishOptions, publish } from "./publish.js";
import { verifyModule } from "./verify-module.js";
import { type ModuleWatch, type WatchOptions, watchModule } from "./watch.js";

export interface LoadOptions {
  /** The witness hash of the one version that is wanted; any version unless given. */
  readonly expectedWitness?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Verifies modules of a mesh cache and loads them in memory (cell format, section 4). What is executed
 * are the bytes that were hashed. This is integrity and not a sandbox: a module that was signed runs
 * with the rights of the process.
 */
export class MeshLoader {
  readonly #policy: LoaderPolicy;
  readonly #scope: ModuleScope;
  readonly #loaded = new Map<ModuleName, LoadedModule>();

  /** @throws MeshLoaderError `ARGUMENT`, `KEYS_REQUIRED`, `KEYS_UNUSABLE` or `MODULE_NAME` */
  constructor(options: MeshLoaderOptions = {}) {
    this.#policy = loaderPolicy(options);
    this.#scope = new ModuleScope(this.#policy);
  }

  /** The directory of the cache. */
  get cacheRoot(): string {
    return this.#policy.cacheRoot;
  }

  /**
   * Verifies a module, registers it in memory and returns what it exports. Afterwards
   * `import("<name>")` gives the same to everybody in the process. When there is a newer version in the
   * cache than at the last call, that is returned, and holders of the old one keep it.
   *
   * @throws MeshLoaderError with the code of the first check that fails, or of an import of the module
   *   that was denied; whatever the module itself throws; the reason of the signal
   */
  async load<Namespace = ModuleNamespace>(
    name: string,
    options: LoadOptions = {},
  ): Promise<Namespace> {
    return (await this.open<Namespace>(name, options)).module;
  }

  /** Loads a module like {@link MeshLoader.load}, and returns it with what is known of it. */
  async open<Namespace = ModuleNamespace>(
    name: string,
    options: LoadOptions = {},
  ): Promise<LoadedModule<Namespace>> {
    const { expectedWitness, signal } = options;
    const moduleName = ensureLoadable(name);
    const witnessHash =
      expectedWitness === undefined ? undefined : ensureSha256Hex(expectedWitness);
    const verified = await runPausing(
      verifyModule(this.#policy, moduleName, { witnessHash }),
      signal,
    );
    const version = this.#scope.adopt(verified);
    const module = await this.#import(version, signal);
    moduleRegistry.expose(version);
    const loaded = new LoadedModule(version, module);
    this.#loaded.set(moduleName, loaded);
    return loaded as LoadedModule<Namespace>;
  }

  /** The version of a module that this loader loaded last, with what is known of it. */
  loaded(name: string): LoadedModule | undefined {
    return this.#loaded.get(ensureModuleName(name));
  }

  /**
   * Loads every module again that this loader has loaded. Each new version replaces the old one, also
   * when another is refused.
   *
   * @returns the modules that have a new version
   * @throws MeshLoaderError the first refusal
   */
  async reload(options: { readonly signal?: AbortSignal } = {}): Promise<readonly LoadedModule[]> {
    const changed: LoadedModule[] = [];
    const refusals: unknown[] = [];
    for (const [name, before] of [...this.#loaded]) {
      try {
        const now = await this.open(name, options);
        if (now.witnessHash !== before.witnessHash) changed.push(now);
      } catch (error) {
        refusals.push(error);
      }
    }
    options.signal?.throwIfAborted();
    if (refusals.length > 0) throw refusals[0];
    return changed;
  }

  /**
   * Loads each new version of a module as it appears in the cache. The version that is already loaded
   * is not given again. A version that is refused is left out, and told to `onRefused`.
   *
   * Ends when the signal is aborted or the consumer leaves the loop. Versions that come and go while the
   * consumer is busy are left out.
   */
  watch(name: string, options: WatchOptions = {}): ModuleWatch {
    const moduleName = ensureLoadable(name);
    return watchModule(moduleName, options, {
      cacheRoot: this.#policy.cacheRoot,
      current: () => this.#loaded.get(moduleName)?.witnessHash,
      open: (signal) => this.open(moduleName, { signal }),
    });
  }

  /**
   * Forgets a module: its name, its versions and their bytes. What holders of it already imported goes
   * on working; what it would import later does not. Node keeps the compiled files, about 4 kB each.
   *
   * @returns false when this loader has not loaded it
   */
  unload(name: string): boolean {
    const moduleName = ensureModuleName(name);
    this.#loaded.delete(moduleName);
    return this.#scope.release(moduleName);
  }

  /**
   * Verifies a module without executing, registering or remembering it, and lists what its files
   * import, and whether this loader would let them.
   *
   * @throws MeshLoaderError as {@link MeshLoader.load}
   */
  async explain(
    name: string,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Explanation> {
    // Loaded when it is needed: it brings a lexer along, which loading a module does without.
    const { explainModule } = await import("./explain.js");
    return explainModule(this.#policy, ensureModuleName(name), options.signal);
  }

  /** Publishes a directory as a module of this loader's cache; see {@link publish}. */
  publish(
    directory: string,
    name: string,
    options: Omit<PublishOptions, "cacheRoot">,
  ): Promise<PublishedModule> {
    return publish(directory, name, { ...options, cacheRoot: this.#policy.cacheRoot });
  }

  async #import(version: ModuleVersion, signal: AbortSignal | undefined): Promise<ModuleNamespace> {
    try {
      const json = version.formatOf(version.entry.path) === "json";
      const attributes = json ? { with: { type: "json" } } : {};
      const importing: Promise<ModuleNamespace> = import(version.entryUrl, attributes);
      const module = await untilAborted(importing, signal);
      version.settle();
      return module;
    } catch (error) {
      version.abandon();
      throw error;
    }
  }
}

/**
 * Verifies a module of a mesh cache, registers it in memory and returns what it exports; afterwards
 * `import("<name>")` works (cell format, section 4). {@link MeshLoader} does more.
 *
 * @throws MeshLoaderError as {@link MeshLoader.load}
 */
export async function loadFromMesh<Namespace = ModuleNamespace>(
  name: string,
  options: MeshLoaderOptions & LoadOptions = {},
): Promise<Namespace> {
  const { expectedWitness, signal, ...loaderOptions } = options;
  return new MeshLoader(loaderOptions).load<Namespace>(name, { expectedWitness, signal });
}

/** An import cannot be stopped, but nobody has to wait for a module that never ends its first run. */
async function untilAborted<Result>(
  work: Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
    work.catch(() => undefined);
  }
}
