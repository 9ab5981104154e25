import { lstat, readFile, writeFile } from "node:fs/promises";
import { type FederationKeys, loadFederationKeys, WitnessError } from "@gaiaftcl/witness";
import { type PublicKey, publicKeyToHex } from "@gaiaftcl/witness/ed25519";
import { KeyStoreError } from "./key-store-error.js";

/**
 * Reads a `federation_keys.toml` (cell format, section 2). A file that exists but cannot be used is an
 * error: it never means "no keys".
 *
 * @returns undefined where there is no file
 * @throws KeyStoreError `FORMAT` for a file that is not such a table, `IO` for one that cannot be read
 */
export async function loadFederationKeysFile(path: string): Promise<FederationKeys | undefined> {
  let toml: string;
  try {
    toml = await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT" && !(await isDanglingLink(path))) {
      return undefined;
    }
    throw new KeyStoreError("IO", `${path}: ${(cause as Error).message}`, { cause });
  }
  try {
    return loadFederationKeys(toml);
  } catch (cause) {
    if (!(cause instanceof WitnessError)) throw cause;
    throw new KeyStoreError("FORMAT", `${path}: ${cause.message}`, { cause });
  }
}

/** Whether there is a link at a path that leads nowhere: a file that cannot be used, not the absence of one. */
async function isDanglingLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch {
    return false;
  }
}

/**
 * Writes a new `federation_keys.toml`.
 *
 * @throws KeyStoreError `EXISTS` rather than replace one
 */
export async function writeFederationKeysFile(
  path: string,
  keys: Iterable<readonly [string, PublicKey]>,
): Promise<void> {
  const lines = [...keys].map(([context, key]) => `${context} = "${publicKeyToHex(key)}"`);
  try {
    await writeFile(path, `[public_keys]\n${lines.join("\n")}\n`, { flag: "wx", mode: 0o644 });
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === "EEXIST";
    throw new KeyStoreError(
      exists ? "EXISTS" : "IO",
      exists ? `${path} exists already and is not overwritten` : (cause as Error).message,
      { cause },
    );
  }
}
