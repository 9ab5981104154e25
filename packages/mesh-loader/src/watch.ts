import { type FSWatcher, watch as watchFile } from "node:fs";
import { join } from "node:path";
import type { LoadedModule } from "./loaded-module.js";
import type { ModuleName } from "./module-name.js";
import { runPausing } from "./pause.js";
import { readCachedManifest } from "./read-module.js";

export interface WatchOptions {
  readonly signal?: AbortSignal | undefined;
  /**
   * Anything that happens when a module may have been published, such as the messages of a
   * subscription. What they say is not believed; the cache is looked at.
   */
  readonly hints?: AsyncIterable<unknown> | undefined;
  /** How often the cache is looked at without any event, in milliseconds; 2,000 unless given. */
  readonly pollIntervalMs?: number | undefined;
  /** Told why a version was refused; the same version is not told twice. */
  readonly onRefused?: ((error: unknown) => void) | undefined;
}

/** What a watch needs of its loader. */
export interface WatchedLoader {
  readonly cacheRoot: string;
  /** The witness hash of the version that the loader has. */
  current(): string | undefined;
  open(signal: AbortSignal | undefined): Promise<LoadedModule>;
}

const DEFAULT_POLL_MS = 2000;

/** The versions of a module as they appear. */
export interface ModuleWatch extends AsyncIterableIterator<LoadedModule, void, undefined> {
  /** Ends the watch, also while a version is awaited. */
  return(): Promise<IteratorResult<LoadedModule, void>>;
  [Symbol.asyncIterator](): ModuleWatch;
  [Symbol.asyncDispose](): Promise<void>;
}

/** See `MeshLoader.watch`. */
export function watchModule(
  name: ModuleName,
  options: WatchOptions,
  loader: WatchedLoader,
): ModuleWatch {
  const ended = new AbortController();
  const signal =
    options.signal === undefined ? ended.signal : AbortSignal.any([options.signal, ended.signal]);
  const versions = newVersions(name, { ...options, signal }, loader);
  const watch: ModuleWatch = {
    next: () => versions.next(),
    async return() {
      ended.abort();
      return versions.return();
    },
    [Symbol.asyncIterator]: () => watch,
    async [Symbol.asyncDispose]() {
      await watch.return();
    },
  };
  return watch;
}

async function* newVersions(
  name: ModuleName,
  options: WatchOptions,
  loader: WatchedLoader,
): AsyncGenerator<LoadedModule, void, undefined> {
  const { signal } = options;
  using bell = new Bell(options.pollIntervalMs ?? DEFAULT_POLL_MS, signal);
  let toldRefusal = "";
  const refused = (error: unknown): void => {
    if (signal?.aborted === true || toldRefusal === String(error)) return;
    toldRefusal = String(error);
    options.onRefused?.(error);
  };
  if (options.hints !== undefined) bell.ringWith(options.hints, refused);

  let given = loader.current();
  let settled: string | undefined;
  for (; signal?.aborted !== true; await bell.rung()) {
    // Before the look, so that nothing happens between the two.
    bell.watch(loader.cacheRoot);
    bell.watchAnew(join(loader.cacheRoot, name));
    let loaded: LoadedModule | undefined;
    try {
      const { manifest, fileHash } = await runPausing(readCachedManifest(loader.cacheRoot, name));
      if (fileHash === settled) continue;
      if (manifest.witnessHash !== given) loaded = await loader.open(signal);
      // A version that was refused is looked at again: its files may only be on their way.
      settled = fileHash;
    } catch (error) {
      refused(error);
    }
    if (loaded === undefined || loaded.witnessHash === given) continue;
    given = loaded.witnessHash;
    toldRefusal = "";
    yield loaded;
  }
}

/** Rings when something may have happened: an event of the file system, a hint, or time that passes. */
class Bell implements Disposable {
  readonly #pollIntervalMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #ring = (): void => {
    this.#rung = true;
    this.#wake();
  };
  #rung = false;
  #wake = (): void => undefined;
  #stopHints = (): void => undefined;

  constructor(pollIntervalMs: number, signal: AbortSignal | undefined) {
    this.#pollIntervalMs = pollIntervalMs;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#ring);
  }

  /** Rings once more for all that happened since the last time. */
  async rung(): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#pollIntervalMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#rung = false;
    this.#wake = () => undefined;
  }

  /** Where a directory cannot be watched, time alone rings. */
  watch(path: string): void {
    if (this.#watchers.has(path)) return;
    try {
      const watcher = watchFile(path, this.#ring);
      this.#watchers.set(path, watcher);
      watcher.on("error", () => this.#drop(path));
    } catch {
      // Not there yet, or the system has no more watchers to give.
    }
  }

  /** Watches what stands at a path now, in place of what stood there before. */
  watchAnew(path: string): void {
    this.#drop(path);
    this.watch(path);
  }

  ringWith(hints: AsyncIterable<unknown>, failed: (error: unknown) => void): void {
    const iterator = hints[Symbol.asyncIterator]();
    const listen = async (): Promise<void> => {
      while ((await iterator.next()).done !== true) this.#ring();
    };
    listen().catch(failed);
    this.#stopHints = () => {
      iterator.return?.().catch(() => undefined);
    };
  }

  [Symbol.dispose](): void {
    this.#signal?.removeEventListener("abort", this.#ring);
    for (const path of [...this.#watchers.keys()]) this.#drop(path);
    this.#stopHints();
    this.#wake();
  }

  #drop(path: string): void {
    this.#watchers.get(path)?.close();
    this.#watchers.delete(path);
  }
}
