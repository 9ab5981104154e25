import { realpathSync, type Stats } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { cellLayout } from "@gaiaftcl/cell-layout";
import { AnchoredDirectory } from "./anchored-directory.js";
import { MeshLoaderError, reasonOf } from "./mesh-loader-error.js";

/** Where this account keeps its cache and its record of accepted versions, unless told otherwise. */
export function defaultPlaces(): { readonly cacheRoot: string; readonly trustStorePath: string } {
  const { platform, env } = process;
  const layout = cellLayout({ platform, env, homeDirectory: homedir() });
  return { cacheRoot: layout.meshCacheRoot, trustStorePath: layout.trustStorePath };
}

/**
 * Opens the root of a mesh cache. The root itself may be reached through links, since its path is the
 * user's own; nothing below it may. A root that others may write to is refused (cell format, section 4).
 *
 * @throws MeshLoaderError `CACHE_ROOT` or `CACHE_ROOT_UNSAFE`
 */
export function openCacheRoot(cacheRoot: string): AnchoredDirectory {
  let root: AnchoredDirectory;
  try {
    root = AnchoredDirectory.open(realpathSync(cacheRoot));
  } catch (cause) {
    throw new MeshLoaderError(
      "CACHE_ROOT",
      `expected the mesh cache at ${resolve(cacheRoot)}: ${reasonOf(cause)}; publish a module there, or name another cacheRoot`,
      { cause },
    );
  }
  const fault = unsafe(root.status);
  if (fault === undefined) return root;
  root[Symbol.dispose]();
  throw new MeshLoaderError(
    "CACHE_ROOT_UNSAFE",
    `the mesh cache ${root.path} ${fault}: run chmod go-w ${root.path} as its owner`,
  );
}

/** Why somebody else may write to a directory. Windows has other rules, which its modes do not show. */
function unsafe(status: Stats): string | undefined {
  const user = process.geteuid?.();
  if (user === undefined) return undefined;
  if (status.uid !== user && status.uid !== 0) {
    return `belongs to user ${status.uid}, not to this one (${user})`;
  }
  if ((status.mode & 0o022) === 0) return undefined;
  return `may be written by others (mode ${(status.mode & 0o7777).toString(8).padStart(4, "0")})`;
}
