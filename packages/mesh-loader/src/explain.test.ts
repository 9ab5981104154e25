import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { refusal, TestMesh } from "./mesh.testing.js";
import { nativeImport } from "./native.testing.js";

let mesh: TestMesh;
beforeEach(async () => {
  mesh = await TestMesh.create();
});
afterEach(async () => {
  await mesh[Symbol.asyncDispose]();
});

describe("explaining a module", () => {
  it("lists what its files import and whether this loader would let them, without running it", async () => {
    await mesh.publish("t.explain.base", { "index.js": "" });
    const manifest = await mesh.publish("t.explain.it", {
      "index.ts": [
        'import type { T } from "./types.js";',
        'import { k } from "./lib/k.js";',
        'import { join } from "node:path";',
        'import "t.explain.base"; import "t.explain.it"; import "t.explain.none";',
        'import lodash from "lodash-es"; import "lodash-es/fp";',
        'export * from "https://example.org/x.js";',
        "const word = 'import(\"node:fs\")'; // import('node:net')",
        "globalThis.explained = true;",
        "export const later = (path: string) => import(path);",
        'export const fs = () => import("node:fs"), twice = import.meta.url;',
      ].join("\n"),
      "lib/k.js": 'import "../../escape.js"; import "./absent.js"; export const k = 1;',
      "data.json": "{}",
      "broken.js": "import { from",
      "old.cjs": 'require("fs")',
    });
    const explained = await mesh.loader({ allow: ["path"] }).explain("t.explain.it");
    expect(explained).toMatchObject({
      name: "t.explain.it",
      witnessHash: manifest.witnessHash,
      entry: "index.ts",
      report: { ok: true },
      wouldNeed: ["lodash-es", "lodash-es/fp", "node:fs", "t.explain.none"],
    });
    const found = explained.imports.map(({ from, specifier, kind, allowed, dynamic }) => [
      from,
      specifier,
      kind,
      allowed,
      dynamic,
    ]);
    expect(found).toEqual([
      ["index.ts", "./lib/k.js", "file", true, false],
      ["index.ts", "node:path", "host", true, false],
      ["index.ts", "t.explain.base", "module", true, false],
      ["index.ts", "t.explain.it", "module", true, false],
      ["index.ts", "t.explain.none", "module", false, false],
      ["index.ts", "lodash-es", "denied", false, false],
      ["index.ts", "lodash-es/fp", "denied", false, false],
      ["index.ts", "https://example.org/x.js", "denied", false, false],
      ["index.ts", undefined, "unknown", true, true],
      ["index.ts", "node:fs", "denied", false, true],
      ["lib/k.js", "../../escape.js", "denied", false, false],
      ["lib/k.js", "./absent.js", "file", false, false],
    ]);
    expect(explained.unreadable.map(({ path }) => path)).toEqual(["broken.js", "old.cjs"]);
    expect(globalThis).not.toHaveProperty("explained");
    await expect(nativeImport("t.explain.it")).rejects.toThrow();
  });

  it("verifies it first", async () => {
    await mesh.publish("t.explain.bad", { "index.js": "1;" });
    await mesh.place("t.explain.bad", "{}", {});
    await expect(mesh.loader().explain("t.explain.bad")).rejects.toMatchObject(
      refusal("MANIFEST_INVALID"),
    );
    const reason = new Error("enough");
    await expect(
      mesh.loader().explain("t.explain.bad", { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
  });
});
