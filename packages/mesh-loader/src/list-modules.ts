import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import { defaultPlaces, openCacheRoot } from "./cache-root.js";
import { MeshLoaderError, reasonOf } from "./mesh-loader-error.js";
import { isModuleName } from "./module-name.js";

/**
 * The names of the modules in a mesh cache, in order. Nothing of them is verified.
 *
 * @throws MeshLoaderError `CACHE_ROOT` or `CACHE_ROOT_UNSAFE`
 */
export async function listModules(
  options: { readonly cacheRoot?: string | undefined } = {},
): Promise<readonly string[]> {
  using root = openCacheRoot(resolve(options.cacheRoot ?? defaultPlaces().cacheRoot));
  try {
    const entries = await readdir(root.path, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && isModuleName(entry.name))
      .map(({ name }) => name)
      .sort();
  } catch (cause) {
    throw new MeshLoaderError(
      "CACHE_ROOT",
      `the mesh cache ${root.path} cannot be listed: ${reasonOf(cause)}`,
      { cause },
    );
  }
}
