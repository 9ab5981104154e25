import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

test("what is published imports nothing and names nothing that only Node has", async () => {
  const dist = join(import.meta.dirname, "..", "dist");
  const scripts = (await readdir(dist)).filter((name) => name.endsWith(".js"));
  expect(scripts).toContain("index.js");
  for (const script of scripts) {
    const code = await readFile(join(dist, script), "utf8");
    const imports = [...code.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/gu)].map(
      ([, specifier]) => specifier as string,
    );
    expect(imports.filter((specifier) => !specifier.startsWith("./"))).toEqual([]);
    expect(code).not.toMatch(/\b(?:Buffer|process|require|__dirname)\b/u);
  }
});
