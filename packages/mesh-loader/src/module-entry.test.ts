import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MeshLoaderError } from "./mesh-loader-error.js";
import { moduleEntry, moduleFormat } from "./module-entry.js";

const text = new TextEncoder();

function filesOf(packageJson: unknown, ...paths: string[]): Map<string, Uint8Array> {
  const files = new Map(paths.map((path) => [path, new Uint8Array()]));
  if (packageJson !== undefined) {
    const json = typeof packageJson === "string" ? packageJson : JSON.stringify(packageJson);
    files.set("package.json", text.encode(json));
  }
  return files;
}

function entryOf(packageJson: unknown, ...paths: string[]): string {
  return moduleEntry("a", filesOf(packageJson, ...paths)).path;
}

describe("the entry of a module", () => {
  it("is index.js, index.mjs or index.ts, in this order, when no package.json says otherwise", () => {
    expect(entryOf(undefined, "index.ts", "index.mjs", "index.js")).toBe("index.js");
    expect(entryOf({}, "index.ts", "index.mjs")).toBe("index.mjs");
    expect(entryOf({ name: "a" }, "index.ts")).toBe("index.ts");
  });

  it.each<[string, unknown, string]>([
    ["a text", "./x.js", "x.js"],
    ["a text for the root", { ".": "./x.js" }, "x.js"],
    ["conditions", { import: "./x.js", default: "./y.js" }, "x.js"],
    ["conditions in their order", { default: "./y.js", import: "./x.js" }, "y.js"],
    ["node", { ".": { browser: "./y.js", node: "./x.js" } }, "x.js"],
    ["nested conditions", { ".": { node: { require: "./y.js", import: "./x.js" } } }, "x.js"],
    [
      "a condition without result, then another",
      { node: { require: "./y.js" }, default: "./x.js" },
      "x.js",
    ],
    ["an array", { ".": [{ browser: "./y.js" }, "./x.js"] }, "x.js"],
    ["a condition that looks like a number", { "1": "./y.js", default: "./x.js" }, "x.js"],
  ])("is what exports says: %s", (_, exports, entry) => {
    expect(entryOf({ exports, main: "main.js" }, "x.js", "y.js", "main.js", "index.js")).toBe(
      entry,
    );
  });

  it.each(["x.js", "./x.js", "x"])("is what main says: %s", (main) => {
    expect(entryOf({ main }, "x.js", "index.js")).toBe("x.js");
  });

  it.each(["lib", "./lib", "./lib/"])("may be the index of a directory: %s", (main) => {
    expect(entryOf({ main }, "lib/index.js")).toBe("lib/index.js");
  });

  it.each<[string, unknown, string]>([
    ["is no JSON", "{", "PACKAGE_JSON"],
    ["has a key twice", '{"main":"a.js","main":"x.js"}', "PACKAGE_JSON"],
    ["is an array", [], "PACKAGE_JSON"],
    ["exports nothing for an import", { exports: { require: "./x.js" } }, "PACKAGE_JSON"],
    ["exports other subpaths only", { exports: { "./x": "./x.js" } }, "PACKAGE_JSON"],
    ["exports a path without ./", { exports: "x.js" }, "PACKAGE_JSON"],
    ["exports a path that climbs", { exports: "./../x.js" }, "ENTRY_MISSING"],
    ["exports what was not signed", { exports: "./z.js" }, "ENTRY_MISSING"],
    ["begins with what was not signed", { main: "z.js" }, "ENTRY_MISSING"],
    ["begins outside", { main: "../x.js" }, "ENTRY_MISSING"],
  ])("is refused when package.json %s", (_, packageJson, code) => {
    expect(() => entryOf(packageJson, "x.js", "index.js")).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it("is missing when there is none", () => {
    expect(() => entryOf(undefined, "main.js")).toThrow(
      expect.objectContaining({ code: "ENTRY_MISSING" }),
    );
  });

  it("is found or refused, whatever package.json is", () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        try {
          expect(["x.js", "index.js"]).toContain(entryOf(json, "x.js", "index.js"));
        } catch (error) {
          expect(error).toBeInstanceOf(MeshLoaderError);
        }
      }),
    );
  });
});

describe("the format of a file", () => {
  const esModule = { path: "index.js", commonJs: false };
  it.each([
    ["a.js", "module"],
    ["a.mjs", "module"],
    ["a.ts", "module-typescript"],
    ["a.mts", "module-typescript"],
    ["a.json", "json"],
    ["a.wasm", "wasm"],
    ["d.x/a.b.js", "module"],
  ])("of %s is %s", (path, format) => {
    expect(moduleFormat("a", path, esModule)).toBe(format);
  });

  it.each(["a.cjs", "a.cts", "a.node", "a.txt", "a", "a.js/b", "a.jsx", "a.JS", ".js/x"])(
    "of %s is none",
    (path) => {
      expect(() => moduleFormat("a", path, esModule)).toThrow(
        expect.objectContaining({ code: "FORMAT" }),
      );
    },
  );

  it("of a script is CommonJS where package.json says so, which is refused", () => {
    const entry = moduleEntry("a", filesOf({ type: "commonjs" }, "index.js"));
    for (const path of ["index.js", "a.ts"]) {
      expect(() => moduleFormat("a", path, entry)).toThrow(/CommonJS/);
    }
    expect(moduleFormat("a", "a.mjs", entry)).toBe("module");
  });
});
