import { realpathSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";

/** Whether an absolute path leads into a directory, or to it, also by way of links. */
export function leadsInto(path: string, directory: string): boolean {
  const target = withoutLinks(path);
  const root = withoutLinks(directory);
  return target === root || target.startsWith(root.endsWith(sep) ? root : root + sep);
}

/** The path with the links of all that exists of it resolved. */
function withoutLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(withoutLinks(parent), basename(path));
  }
}
