import { posix, win32 } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareUtf8, ensureArtifactPath, isArtifactPath } from "./artifact-path.js";
import { ManifestError } from "./manifest-error.js";

describe("an artifact path", () => {
  it.each([
    "a",
    "a/b/c.js",
    ".hidden",
    "..a",
    "a..b",
    "...a/b",
    "a b",
    "-",
    "con-",
    "console.log",
    "nulls",
    "com0",
    "com10",
    "lpt",
    "auxiliary/prn2",
    "x.con",
    "é.txt",
    "Ａ.js",
    "😀.js",
    "a#b?c%2f",
    `${"a".repeat(255)}/b`,
    `${"é".repeat(127)}`,
    `${"a/".repeat(511)}aa`,
    "__proto__",
  ])("may be %j", (path) => {
    expect(isArtifactPath(path)).toBe(true);
    expect(ensureArtifactPath(path)).toBe(path);
  });

  it.each([
    ["", "empty"],
    ["/", "absolute"],
    ["/a", "absolute"],
    ["a/", "an empty segment"],
    ["a//b", "an empty segment"],
    [".", "a dot segment"],
    ["..", "a dot segment"],
    ["a/../b", "a dot segment"],
    ["a/./b", "a dot segment"],
    ["./a", "a dot segment"],
    ["a\\b", "a backslash"],
    ["..\\a", "a backslash"],
    ["C:a", "a colon"],
    ["a:stream", "a colon"],
    ["a\0b", "NUL"],
    ["a\nb", "a control character"],
    ["a\x7fb", "a control character"],
    ["a\x85b", "a control character of the second set"],
    ["a.", "a trailing dot"],
    ["a. ", "a trailing space"],
    ["a./b", "a trailing dot inside"],
    ["a /b", "a trailing space inside"],
    ["...", "nothing but dots"],
    ["nul", "a device"],
    ["NUL", "a device"],
    ["Con.js", "a device with an extension"],
    ["a/aux.tar.gz", "a device with two extensions"],
    ["prn .txt", "a device with a space before the extension"],
    ["com1", "a device"],
    ["LPT9.x", "a device"],
    ["COM¹", "a device with a superscript digit"],
    ["lpt³.txt", "a device with a superscript digit"],
    ["CONIN$", "a device"],
    ["conout$.x/y", "a device"],
    ["e\u0301", "not in normalisation form C"],
    ["\u212a", "not in normalisation form C"],
    ["a\ud800", "a lone surrogate"],
    ["a".repeat(256), "a segment of 256 bytes"],
    ["é".repeat(128), "a segment of 256 bytes"],
    [`${"a/".repeat(512)}a`, "1,025 bytes"],
    [`${`${"é".repeat(100)}/`.repeat(6)}`.slice(0, -1), "1,205 bytes"],
  ])("may not be %j: %s", (path) => {
    expect(isArtifactPath(path)).toBe(false);
    expect(() => ensureArtifactPath(path)).toThrow(
      expect.objectContaining({ name: "ManifestError", code: "ARTIFACT_PATH" }),
    );
  });

  it.each([undefined, null, 1, {}, ["a"]])("may not be %j, which is no text", (value) => {
    expect(isArtifactPath(value)).toBe(false);
    expect(() => ensureArtifactPath(value)).toThrow(ManifestError);
  });

  const anyPath = fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    fc
      .array(
        fc.constantFrom("a", ".", "..", "", "con", "C:", "\\", "b.", "é", "x y", "~", "NUL.a"),
        { maxLength: 6 },
      )
      .map((segments) => segments.join("/")),
  );

  it("stays inside its directory on every system", () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        fc.pre(isArtifactPath(path));
        expect(posix.resolve("/base", path)).toBe(`/base/${path}`);
        expect(win32.resolve("C:\\base", path)).toBe(`C:\\base\\${path.replaceAll("/", "\\")}`);
        expect(posix.normalize(path)).toBe(path);
      }),
      { numRuns: 2000 },
    );
  });

  it("is judged without throwing anything but a ManifestError", () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        try {
          ensureArtifactPath(path);
        } catch (error) {
          expect(error).toBeInstanceOf(ManifestError);
        }
      }),
    );
  });
});

describe("the order of paths", () => {
  const wellFormed = fc.string({ unit: "binary" }).filter((text) => text.isWellFormed());

  it("is that of their UTF-8 bytes", () => {
    fc.assert(
      fc.property(wellFormed, wellFormed, (left, right) => {
        const expected = Buffer.compare(Buffer.from(left), Buffer.from(right));
        expect(Math.sign(compareUtf8(left, right))).toBe(expected);
      }),
    );
  });

  it("puts an emoji after a full-width letter, unlike UTF-16", () => {
    expect(compareUtf8("\uff21", "😀")).toBeLessThan(0);
    expect("\uff21" < "😀").toBe(false);
  });
});
