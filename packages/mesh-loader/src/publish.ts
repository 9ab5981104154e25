import { mkdir, readdir, realpath, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Manifest, ManifestSigner, SignDirectoryOptions } from "@gaiaftcl/manifest";
import { AnchoredDirectory } from "./anchored-directory.js";
import { defaultPlaces, openCacheRoot } from "./cache-root.js";
import { MeshLoaderError, reasonOf } from "./mesh-loader-error.js";
import { artifactPrefix, ensureLoadable, type ModuleName } from "./module-name.js";
import { runPausing } from "./pause.js";
import { readCachedManifest } from "./read-module.js";
import { isStagedName, stageModule } from "./stage-module.js";
import { swapIn } from "./swap-in.js";

/** No module takes this long to publish. */
const ABANDONED_MS = 24 * 60 * 60 * 1000;

export interface PublishOptions
  extends Pick<SignDirectoryOptions, "leanArtifactPath" | "tauBlock" | "signal"> {
  /** The directory of the cache; `GAIAFTCL_MESH_CACHE` or `~/.gaiaftcl/mesh_cache` unless given. */
  readonly cacheRoot?: string | undefined;
  /** Signs the directory; either this or a manifest. */
  readonly signer?: ManifestSigner | undefined;
  /** A manifest of the directory that was made, and perhaps cosigned, before. */
  readonly manifest?: Manifest | undefined;
  /** Publish also what is not newer than the version in the cache. */
  readonly allowRollback?: boolean | undefined;
}

export interface PublishedModule {
  readonly name: string;
  readonly manifest: Manifest;
  /** The directory of the module in the cache. */
  readonly path: string;
}

/**
 * Publishes a directory as a module of a mesh cache (cell format, section 4): signs it with the prefix
 * that binds it to the name, copies it beside the version in the cache, compares the copy with the
 * manifest, and puts it in place. A reader sees the old version or the new one and never a mixture,
 * also when this process is killed at any moment.
 *
 * @throws MeshLoaderError `MODULE_NAME`, `NAME_RESERVED`, `ARGUMENT`, `UNBOUND`, `NOT_NEWER`,
 *   `SOURCE_CHANGED`, `CACHE_ROOT_UNSAFE`, `PUBLISH`, or for what is no regular file `LINK` and `NOT_A_FILE`;
 *   ManifestError for a directory that cannot be signed; the reason of the signal
 */
export async function publish(
  directory: string,
  name: string,
  options: PublishOptions,
): Promise<PublishedModule> {
  const { signal, signer, manifest: given, allowRollback = false } = options;
  const moduleName = ensureLoadable(name);
  if ((signer === undefined) === (given === undefined)) {
    throw new MeshLoaderError("ARGUMENT", "expected either a signer or a manifest to publish with");
  }
  const cacheRoot = resolve(options.cacheRoot ?? defaultPlaces().cacheRoot);
  await makeRoot(cacheRoot);

  const previous = await publishedManifest(cacheRoot, moduleName);
  const manifest =
    signer === undefined
      ? ensureBound(moduleName, given as Manifest)
      : await signAfter(previous, signer, directory, moduleName, options);
  const ensureNewer = (before: Manifest | undefined): void => {
    if (!allowRollback) refuseOlder(moduleName, manifest, before);
  };
  ensureNewer(previous);

  using source = AnchoredDirectory.open(await realpath(directory));
  const staged = await stageModule(cacheRoot, moduleName, manifest, source, signal);
  try {
    const retired = swapIn(cacheRoot, moduleName, staged, ensureNewer);
    for (const path of retired) await rm(path, { recursive: true, force: true });
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    throw error;
  }
  await sweep(cacheRoot, moduleName);
  return { name: moduleName, manifest, path: join(cacheRoot, moduleName) };
}

/** Removes what a publisher that was killed left behind long ago. */
async function sweep(cacheRoot: string, name: ModuleName): Promise<void> {
  const now = Date.now();
  for (const entry of await readdir(cacheRoot)) {
    if (!isStagedName(entry, name)) continue;
    const path = join(cacheRoot, entry);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: now }));
    if (now - mtimeMs > ABANDONED_MS) await rm(path, { recursive: true, force: true });
  }
}

async function makeRoot(cacheRoot: string): Promise<void> {
  try {
    await mkdir(cacheRoot, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new MeshLoaderError(
      "PUBLISH",
      `the mesh cache ${cacheRoot} cannot be made: ${reasonOf(cause)}`,
      { cause },
    );
  }
  openCacheRoot(cacheRoot)[Symbol.dispose]();
}

/** The manifest in the cache, when there is one that can be read. */
async function publishedManifest(
  cacheRoot: string,
  name: ModuleName,
): Promise<Manifest | undefined> {
  try {
    return (await runPausing(readCachedManifest(cacheRoot, name))).manifest;
  } catch (error) {
    if (error instanceof MeshLoaderError) return undefined;
    throw error;
  }
}

/** Signs; a second time when the first was in the same second as the version before. */
async function signAfter(
  previous: Manifest | undefined,
  signer: ManifestSigner,
  directory: string,
  name: ModuleName,
  { leanArtifactPath, tauBlock, signal }: PublishOptions,
): Promise<Manifest> {
  const sign = (): Promise<Manifest> =>
    signer.signDirectory(directory, {
      prefix: artifactPrefix(name),
      leanArtifactPath,
      tauBlock,
      signal,
    });
  const first = await sign();
  const clash =
    previous !== undefined &&
    previous.witnessHash !== first.witnessHash &&
    previous.producedAtIso === first.producedAtIso;
  if (!clash) return first;
  // Manifests count whole seconds, and two of one second cannot be put in order.
  const now = Date.now();
  await sleep(1000 - (now % 1000), undefined, signal === undefined ? {} : { signal });
  return sign();
}

function ensureBound(name: ModuleName, manifest: Manifest): Manifest {
  const prefix = `${artifactPrefix(name)}/`;
  const stray = manifest.artifacts.find(({ path }) => !path.startsWith(prefix));
  if (stray === undefined) return manifest;
  throw new MeshLoaderError(
    "UNBOUND",
    `expected every path in the manifest of ${name} to begin with ${prefix}, found ${JSON.stringify(stray.path)}: sign the directory with the prefix ${artifactPrefix(name)}`,
  );
}

/** Whoever loaded the version in the cache would refuse an older one, and another of the same time. */
function refuseOlder(name: ModuleName, manifest: Manifest, before: Manifest | undefined): void {
  if (before === undefined || before.witnessHash === manifest.witnessHash) return;
  if (before.cellId !== manifest.cellId || before.domainId !== manifest.domainId) return;
  if (before.producedAtIso < manifest.producedAtIso) return;
  throw new MeshLoaderError(
    "NOT_NEWER",
    `the version of ${name} in the cache was produced at ${before.producedAtIso}, this one at ${manifest.producedAtIso}, so it would be refused as old: sign it again, or publish with allowRollback`,
  );
}
