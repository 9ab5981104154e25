import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AnchoredDirectory } from "./anchored-directory.js";
import { runBlocking } from "./pause.js";

let root = "";
const at = (path: string): string => join(root, path);
const anything = (): void => undefined;

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "gaiaftcl-anchor-")));
  mkdirSync(at("a/b"), { recursive: true });
  writeFileSync(at("a/b/file"), "content");
  writeFileSync(at("file"), "outside");
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

/** Reads a file, component by component. */
function read(path: string, held: boolean, accept: (bytes: number) => void = anything): string {
  const names = path.split("/");
  const file = names.pop() ?? "";
  const open: AnchoredDirectory[] = [AnchoredDirectory.open(root, held)];
  try {
    for (const name of names) open.push((open.at(-1) as AnchoredDirectory).directory(name));
    return Buffer.from(
      runBlocking((open.at(-1) as AnchoredDirectory).file(file, accept)),
    ).toString();
  } finally {
    for (const directory of open) directory[Symbol.dispose]();
  }
}

describe.each([
  ["held open", true],
  ["looked at", false],
])("a directory that is %s", (_, held) => {
  it("gives the bytes of its files", () => {
    expect(read("a/b/file", held)).toBe("content");
  });

  it.each([
    ["a", "a/b/file"],
    ["a/b", "a/b/file"],
    ["a/b/file", "a/b/file"],
  ])("follows no link at %s, even to the same place", (component, path) => {
    renameSync(at(component), at("moved"));
    symlinkSync(at("moved"), at(component));
    expect(() => read(path, held)).toThrow(expect.objectContaining({ code: "LINK" }));
  });

  it.each(["nowhere", "/etc/passwd", "."])("follows no link to %s", (target) => {
    symlinkSync(target, at("link"));
    expect(() => read("link", held)).toThrow(expect.objectContaining({ code: "LINK" }));
    expect(() => read("link/file", held)).toThrow(expect.objectContaining({ code: "LINK" }));
  });

  it("says when there is nothing", () => {
    expect(() => read("a/none", held)).toThrow(expect.objectContaining({ code: "ENOENT" }));
    expect(() => read("none/file", held)).toThrow(expect.objectContaining({ code: "ENOENT" }));
  });

  it("takes no directory for a file, and no file for a directory", () => {
    expect(() => read("a/b", held)).toThrow(expect.objectContaining({ code: "NOT_A_FILE" }));
    expect(() => read("file/x", held)).toThrow(expect.objectContaining({ code: "NOT_A_FILE" }));
  });

  it("does not wait for a pipe", () => {
    execFileSync("/usr/bin/mkfifo", [at("pipe")]);
    expect(() => read("pipe", held)).toThrow(expect.objectContaining({ code: "NOT_A_FILE" }));
  });

  it("reads nothing of a file whose size was refused", () => {
    const refuse = (bytes: number): void => {
      throw new RangeError(`${bytes} bytes`);
    };
    expect(() => read("a/b/file", held, refuse)).toThrow(
      expect.objectContaining({ code: "UNREADABLE", cause: expect.any(RangeError) }),
    );
  });

  it("reads at most one byte more than the size, so a file that grows without end does no harm", () => {
    const grow = (): void => appendFileSync(at("a/b/file"), "x".repeat(1_000_000));
    expect(() => read("a/b/file", held, grow)).toThrow(
      expect.objectContaining({ code: "ARTIFACT_MISMATCH" }),
    );
  });

  it("notices a file that is cut short after its size was seen", () => {
    expect(() => read("a/b/file", held, () => writeFileSync(at("a/b/file"), "x"))).toThrow(
      expect.objectContaining({ code: "ARTIFACT_MISMATCH" }),
    );
  });

  it("reads no other file when the directory is swapped for a link while it is open", () => {
    using top = AnchoredDirectory.open(root, held);
    using a = top.directory("a");
    mkdirSync(at("evil/b"), { recursive: true });
    writeFileSync(at("evil/b/file"), "evil");
    renameSync(at("a"), at("gone"));
    symlinkSync(at("evil"), at("a"));
    const attempt = (): string => {
      using b = a.directory("b");
      return Buffer.from(runBlocking(b.file("file", anything))).toString();
    };
    // Held open it is still the directory that it was; looked at it is refused.
    if (held) expect(attempt()).toBe("content");
    else expect(attempt).toThrow(expect.objectContaining({ code: "LINK" }));
  });

  it("is told from another by its identity", () => {
    using top = AnchoredDirectory.open(root, held);
    using a = top.directory("a");
    using again = top.directory("a");
    using b = a.directory("b");
    expect(a.identity).toBe(again.identity);
    expect(a.identity).not.toBe(b.identity);
  });
});
