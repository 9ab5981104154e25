import { readFile } from "node:fs/promises";
import { loadOperators, type Operators } from "@gaiaftcl/franklin-socket/server";
import type { FederationKeys } from "@gaiaftcl/witness";

/**
 * Reads `operators.toml`; nobody may connect where there is none.
 *
 * @throws FranklinError for a file that cannot be used; it never means "no operators"
 */
export async function loadOperatorsFile(
  path: string,
  federationKeys: FederationKeys | undefined,
): Promise<Operators> {
  let toml: string;
  try {
    toml = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Map();
    throw error;
  }
  return loadOperators(toml, federationKeys);
}
