import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { artifactPrefix, ensureModuleName, isModuleName } from "./module-name.js";

describe("a module name", () => {
  it.each([
    "a",
    "_",
    "gaiaftcl.bridges.numpy_bridge",
    "A1.b2",
    "__proto__",
    "constructor",
    "a".repeat(200),
  ])("may be %s", (name) => expect(ensureModuleName(name)).toBe(name));

  it.each([
    "",
    ".",
    "..",
    ".a",
    "a.",
    "a..b",
    "a/b",
    "../a",
    "a\\b",
    "1a",
    "a.1b",
    "a-b",
    "a b",
    "é",
    "a\0",
    "a\n",
    "C:a",
    "a".repeat(201),
    1,
    null,
    undefined,
    {},
  ])("may not be %j", (name) => {
    expect(isModuleName(name)).toBe(false);
    expect(() => ensureModuleName(name)).toThrow(expect.objectContaining({ code: "MODULE_NAME" }));
  });

  it("names one directory and nothing else", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        if (isModuleName(text)) expect(text).toMatch(/^[\w.]+$/);
      }),
    );
  });

  it("says what the paths of its manifest begin with", () => {
    expect(artifactPrefix(ensureModuleName("a.b_c.d"))).toBe("a/b_c/d");
  });
});
