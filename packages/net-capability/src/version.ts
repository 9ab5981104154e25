/** Major, minor and patch. */
export type Version = readonly [bigint, bigint, bigint];

/**
 * Reads a version (Net identity format, section 13.3): what is before the first `-` or `+`, one to
 * three numbers between dots, missing ones 0. `undefined` for anything else.
 */
export function parseVersion(text: string): Version | undefined {
  const [core = ""] = text.split(/[-+]/, 1);
  if (!/^[0-9]{1,20}(?:\.[0-9]{1,20}){0,2}$/.test(core)) return undefined;
  const [major = 0n, minor = 0n, patch = 0n] = core.split(".").map(BigInt);
  return [major, minor, patch];
}

/** Negative, 0 or positive, as `a` is lower than, equal to or higher than `b`. */
export function compareVersions(a: Version, b: Version): number {
  for (const [index, part] of a.entries()) {
    const other = b[index] ?? 0n;
    if (part !== other) return part < other ? -1 : 1;
  }
  return 0;
}

/**
 * Whether what was made for `wanted` works with `found`: not lower, and the same major; before 1.0
 * the same minor, and before 0.1 the very same.
 */
export function isCompatibleVersion(found: Version, wanted: Version): boolean {
  if (compareVersions(found, wanted) < 0 || found[0] !== wanted[0]) return false;
  if (wanted[0] > 0n) return true;
  if (found[1] !== wanted[1]) return false;
  return wanted[1] > 0n || found[2] === wanted[2];
}
