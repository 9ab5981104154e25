import { basename, resolve } from "node:path";
import { pathFault } from "./artifact-path.js";
import { ManifestError, quote } from "./manifest-error.js";

/** The own name of a directory, the prefix that paths have unless another is given. */
export function directoryName(directory: string): string {
  return basename(resolve(directory));
}

/** @throws ManifestError `ARTIFACT_PATH` for a prefix that no path may begin with */
export function ensurePrefix(prefix: string): string {
  if (prefix === "") return prefix;
  const fault = pathFault(prefix);
  if (fault === undefined) return prefix;
  throw new ManifestError(
    "ARTIFACT_PATH",
    `the prefix ${quote(prefix)} cannot be signed: ${fault}`,
  );
}

export function withPrefix(prefix: string, path: string): string {
  return prefix === "" ? path : `${prefix}/${path}`;
}

/** The path below a prefix, or undefined for a path that is not below it. */
export function withoutPrefix(prefix: string, path: string): string | undefined {
  if (prefix === "") return path;
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length + 1) : undefined;
}
