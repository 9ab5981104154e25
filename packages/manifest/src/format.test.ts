import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";

/** Everything that a built file imports, itself or through files of this package. */
async function importsOf(file: string, seen = new Set<string>()): Promise<Set<string>> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const source = await readFile(file, "utf8");
  for (const [, specifier = ""] of source.matchAll(/(?:from|import)\s*\(?["']([^"']+)["']/g)) {
    if (specifier.startsWith(".")) await importsOf(join(dirname(file), specifier), seen);
    else seen.add(specifier);
  }
  return seen;
}

it("the format alone needs nothing of Node, so a browser can read manifests", async () => {
  const imports = await importsOf(join(import.meta.dirname, "..", "dist", "format.js"));
  const outside = [...imports].filter((specifier) => !specifier.endsWith(".js"));
  expect(outside.sort()).toEqual(["@gaiaftcl/canonical-json", "@gaiaftcl/witness"]);
});
