import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MeshLoaderError } from "./mesh-loader-error.js";
import { resolveSpecifier } from "./module-specifier.js";

const NOTHING: ReadonlySet<string> = new Set();

describe("a relative specifier", () => {
  it.each([
    ["./k.js", "index.js", "k.js"],
    ["./k.js", "lib/a.js", "lib/k.js"],
    ["../k.js", "lib/a.js", "k.js"],
    ["../../k.js", "a/b/c.js", "k.js"],
    ["./b/../k.js", "index.js", "k.js"],
    ["./././k.js", "index.js", "k.js"],
    ["./a%20b.js", "index.js", "a b.js"],
    ["./%C3%A9.js", "index.js", "é.js"],
    ["./é.js", "index.js", "é.js"],
    ["./a%23b.js", "index.js", "a#b.js"],
    ["./%2e%2e/k.js", "lib/a.js", "k.js"],
    [".", "lib/a.js", "lib"],
    ["./", "index.js", ""],
    ["./a//b.js", "index.js", "a//b.js"],
  ])("%s in %s is the path %j", (specifier, from, path) => {
    expect(resolveSpecifier(specifier, from, NOTHING)).toEqual({ kind: "file", path });
  });

  it.each([
    ["../k.js", "index.js"],
    ["..", "index.js"],
    ["./../k.js", "index.js"],
    ["../../k.js", "lib/a.js"],
    ["./a/../../k.js", "index.js"],
    ["./%2e%2e/k.js", "index.js"],
    ["./%2E./%2e%2e/k.js", "lib/a.js"],
  ])("%s in %s leaves the module", (specifier, from) => {
    expect(() => resolveSpecifier(specifier, from, NOTHING)).toThrow(
      expect.objectContaining({ code: "IMPORT_ESCAPES" }),
    );
  });

  it.each(["./a?b", "./a#b", "./a\\b", "..\\a", "./%", "./%zz", "./%ff", "./a%2fb", "./%2F..%2Fb"])(
    "%s names no file",
    (specifier) => {
      if (specifier.startsWith("..\\")) {
        expect(resolveSpecifier(specifier, "index.js", NOTHING)).toMatchObject({ kind: "denied" });
        return;
      }
      expect(() => resolveSpecifier(specifier, "index.js", NOTHING)).toThrow(
        expect.objectContaining({ code: "IMPORT_NOT_FOUND" }),
      );
    },
  );
});

describe("any other specifier", () => {
  it.each([
    "node:fs",
    "fs",
    "fs/promises",
    "node:no-such-thing",
    "/etc/passwd.js",
    "//host/x.js",
    "\\\\host\\x.js",
    "file:///etc/passwd",
    "FILE:///etc/passwd",
    "data:text/javascript,1",
    "http://x/y.js",
    "https://x/y.js",
    "blob:nodedata:x",
    "C:\\x.js",
    "c:/x.js",
    "#internal",
    "@scope/package",
    "lodash/fp",
    "lodash-es",
    "",
    " ",
    "...",
    ".../x",
  ])("%j is denied", (specifier) => {
    expect(resolveSpecifier(specifier, "index.js", NOTHING)).toMatchObject({ kind: "denied" });
  });

  it.each(["a", "a.b.c", "lodash"])("%s may be a mesh module", (specifier) => {
    expect(resolveSpecifier(specifier, "index.js", NOTHING)).toEqual({
      kind: "module",
      name: specifier,
    });
  });

  it("is of the host only where its exact name is allowed", () => {
    const allow = new Set(["node:fs", "path", "lodash", "@scope/p/*", "node:sqlite"]);
    const kind = (specifier: string): string => resolveSpecifier(specifier, "index.js", allow).kind;
    for (const specifier of [
      "fs",
      "node:fs",
      "path",
      "node:path",
      "lodash",
      "@scope/p/sub/x",
      "node:sqlite",
    ]) {
      expect(kind(specifier), specifier).toBe("host");
    }
    for (const specifier of [
      "fs/promises",
      "node:fs/promises",
      "lodash/fp",
      "@scope/p",
      "@scope/p2/x",
      "@scope/p/",
      "@scope/p/../../evil",
      "@scope/p/%2e%2e/evil",
      "@scope/p/a\\..\\b",
      "http:lodash",
      "./lodash",
    ]) {
      expect(kind(specifier), specifier).not.toBe("host");
    }
    expect(kind("sqlite")).toBe("module");
  });

  it("is decided without any error but this package's, and never leaves the module", () => {
    const piece = fc.constantFrom(
      ".",
      "..",
      "/",
      "\\",
      "%2e",
      "%2f",
      "a",
      "node:",
      "?",
      "#",
      "é",
      "%",
      ":",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.array(piece).map((pieces) => pieces.join("")),
        ),
        fc.constantFrom("index.js", "a/b.js", "a/b/c.js"),
        (specifier, from) => {
          try {
            const target = resolveSpecifier(specifier, from, NOTHING);
            if (target.kind === "file") expect(target.path.split("/")).not.toContain("..");
            expect(target.kind).not.toBe("host");
          } catch (error) {
            expect(error).toBeInstanceOf(MeshLoaderError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
