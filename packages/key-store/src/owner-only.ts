import type { Stats } from "node:fs";
import { KeyStoreError } from "./key-store-error.js";

/** What the entry at a path has to be. */
export type EntryKind = "directory" | "file";

/**
 * Checks that nobody but the user can read or replace an entry (cell format, section 2: mode 0600 in a
 * directory of mode 0700). The superuser may use what belongs to any user, as it can read it anyway.
 *
 * @throws KeyStoreError `PERMISSIONS`
 */
export function ensureOwnerOnly(path: string, kind: EntryKind, stats: Stats): void {
  const found = stats.isSymbolicLink() ? "a symbolic link" : "something else";
  if (kind === "directory" ? !stats.isDirectory() : !stats.isFile()) {
    throw new KeyStoreError(
      "PERMISSIONS",
      `${path}: expected a ${kind} of its own, found ${found}`,
    );
  }
  if (process.platform === "win32") return;
  const user = process.geteuid?.();
  if (user !== undefined && user !== 0 && stats.uid !== user) {
    throw new KeyStoreError(
      "PERMISSIONS",
      `${path}: expected it to belong to user ${user}, found user ${stats.uid}`,
    );
  }
  const wanted = kind === "directory" ? 0o700 : 0o600;
  const mode = stats.mode & 0o777;
  if ((mode & 0o077) !== 0) {
    throw new KeyStoreError(
      "PERMISSIONS",
      `${path}: expected mode ${wanted.toString(8).padStart(4, "0")}, found ${mode.toString(8).padStart(4, "0")}; if nobody else has read it: chmod ${wanted.toString(8)} ${path}`,
    );
  }
}
