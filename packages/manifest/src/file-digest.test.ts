import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256Hex } from "@gaiaftcl/witness";
import { describe, expect, it } from "vitest";
import { CHUNK_BYTES, type DigestJob, digestFile, type FileDigest } from "./file-digest.js";
import { scratchDirectory } from "./vectors.testing.js";

/** Runs a digest to its end, doing something after the first chunk of a long file. */
function digest(job: DigestJob, afterFirstChunk: () => void = () => undefined): FileDigest {
  const found = digestFile(job, new Uint8Array(CHUNK_BYTES));
  if ("kind" in found) return found;
  let step = found.next();
  afterFirstChunk();
  while (step.done !== true) step = found.next();
  return step.value;
}

describe("the digest of a file", () => {
  it.each([0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])(
    "is that of its %i bytes",
    async (size) => {
      await using scratch = await scratchDirectory();
      const path = join(scratch.path, "file");
      const bytes = Buffer.alloc(size, "abc");
      writeFileSync(path, bytes);
      const expected = { bytes: size, sha256: sha256Hex(bytes) };
      expect(digest({ path })).toEqual({ kind: "file", ...expected });
      expect(digest({ path, expected })).toEqual({ kind: "same" });
    },
  );

  it("reads nothing of a file that has another size", async () => {
    await using scratch = await scratchDirectory();
    const path = join(scratch.path, "file");
    writeFileSync(path, "four");
    const expected = { bytes: 5, sha256: sha256Hex("four") };
    expect(digest({ path, expected })).toEqual({ kind: "size", bytes: 4 });
  });

  it.each([["appended to"], ["overwritten at its end"], ["cut short"]] as const)(
    "notices a file that is %s while it is read",
    async (how) => {
      await using scratch = await scratchDirectory();
      const path = join(scratch.path, "file");
      const size = 4 * CHUNK_BYTES;
      writeFileSync(path, Buffer.alloc(size));
      const change = {
        "appended to": () => appendFileSync(path, "x"),
        "overwritten at its end": () => writeFileSync(path, Buffer.alloc(size, 1), { flag: "r+" }),
        "cut short": () => writeFileSync(path, "x"),
      }[how];
      expect(digest({ path }, change)).toEqual({ kind: "unstable" });

      writeFileSync(path, Buffer.alloc(size));
      const expected = { bytes: size, sha256: sha256Hex(new Uint8Array(size)) };
      expect(digest({ path, expected }, change).kind).not.toBe("same");
    },
  );

  it("never follows a link, and says what stands there instead of a file", async () => {
    await using scratch = await scratchDirectory();
    const at = (name: string): string => join(scratch.path, name);
    writeFileSync(at("file"), "x");
    mkdirSync(at("directory"));
    symlinkSync(at("file"), at("link"));
    symlinkSync(at("nowhere"), at("dangling"));
    expect(digest({ path: at("link") })).toEqual({ kind: "symlink" });
    expect(digest({ path: at("dangling") })).toEqual({ kind: "symlink" });
    expect(digest({ path: at("directory") })).toEqual({ kind: "directory" });
    expect(digest({ path: at("nowhere") })).toEqual({ kind: "missing" });
    expect(digest({ path: at("file/below") })).toEqual({ kind: "missing" });
    expect(digest({ path: "/dev/null" })).toEqual({ kind: "special" });
    expect(digest({ path: at("a\0b") })).toMatchObject({ kind: "unreadable" });
  });
});
