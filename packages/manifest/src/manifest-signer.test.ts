import { renameSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CONTEXTS, sha256Hex } from "@gaiaftcl/witness";
import { describe, expect, it } from "vitest";
import { verifyManifestSeal } from "./manifest.js";
import { ManifestSigner } from "./manifest-signer.js";
import { makePipe, makeSocket } from "./special-files.testing.js";
import {
  holderOf,
  plainVector,
  scratchDirectory,
  trustedKeys,
  vectorFiles,
  vectors,
  writeFiles,
} from "./vectors.testing.js";

const clock = (): Date => new Date("2026-06-01T11:30:00.999Z");
const signer = new ManifestSigner({ cellId: "cell", domainId: "domain", clock });

function refusedWith(code: string): unknown {
  return expect.objectContaining({ name: "ManifestError", code });
}

describe("signing a directory", () => {
  it.each(vectors.manifests)("gives the manifest of the vectors: $prefix", async (vector) => {
    await using scratch = await scratchDirectory();
    await writeFiles(scratch.path, vectorFiles(vector));
    const vectorSigner = new ManifestSigner({
      cellId: vector.unsigned.cell_id,
      domainId: vector.unsigned.domain_id,
      clock: () => new Date(vector.unsigned.produced_at_iso),
    });
    const manifest = await vectorSigner.signDirectory(scratch.path, {
      prefix: vector.prefix,
      leanArtifactPath: vector.unsigned.lean_artifact_path,
      tauBlock: vector.unsigned.tau_block,
    });
    expect(JSON.parse(manifest.toJson())).toEqual(vector.unsigned);
  });

  it("puts the directory's own name before every path unless told otherwise", async () => {
    await using scratch = await scratchDirectory();
    const directory = join(scratch.path, "src", "gaiaftcl");
    await writeFiles(directory, { "__init__.py": "", "sub/.hidden": "" });
    const paths = async (target: string, prefix?: string): Promise<string[]> =>
      (await signer.signDirectory(target, { prefix })).artifacts.map(({ path }) => path);
    expect(await paths(directory)).toEqual(["gaiaftcl/__init__.py", "gaiaftcl/sub/.hidden"]);
    expect(await paths(`${directory}/sub/../`)).toContain("gaiaftcl/__init__.py");
    expect(await paths(directory, "")).toEqual(["__init__.py", "sub/.hidden"]);
    expect(await paths(directory, "a/b")).toEqual(["a/b/__init__.py", "a/b/sub/.hidden"]);
  });

  it("gives the same bytes for the same files and time, whatever made them and how many threads hash", async () => {
    await using scratch = await scratchDirectory();
    const names = Array.from({ length: 300 }, (_, index) => `d${index % 7}/f${index}`);
    const files = Object.fromEntries(names.map((name) => [name, name]));
    await writeFiles(join(scratch.path, "one", "m"), files);
    await writeFiles(
      join(scratch.path, "two", "m"),
      Object.fromEntries(Object.entries(files).reverse()),
    );
    const [one, two] = await Promise.all([
      new ManifestSigner({ cellId: "c", domainId: "d", clock, threads: 1 }).signDirectory(
        join(scratch.path, "one", "m"),
      ),
      new ManifestSigner({ cellId: "c", domainId: "d", clock, threads: 4 }).signDirectory(
        join(scratch.path, "two", "m"),
      ),
    ]);
    expect(one.toJson()).toBe(two.toJson());
    expect(one.producedAtIso).toBe("2026-06-01T11:30:00Z");
    expect(one.artifacts[0]).toEqual({ path: "m/d0/f0", sha256: sha256Hex("d0/f0"), bytes: 5 });
  });

  it("cosigns with the keys it was given, in a list, a map or an object", async () => {
    await using scratch = await scratchDirectory();
    await writeFiles(scratch.path, { a: "a" });
    const pairs = CONTEXTS.map((context) => [context, holderOf(context).privateKey] as const);
    for (const keys of [pairs, new Map(pairs), Object.fromEntries(pairs)]) {
      const keyed = new ManifestSigner({ cellId: "cell", domainId: "domain", keys });
      const manifest = await keyed.signDirectory(scratch.path);
      expect(verifyManifestSeal(manifest, { keys: trustedKeys })).toMatchObject({
        ok: true,
        level: "signed",
      });
    }
  });

  it("signs a directory without files", async () => {
    await using scratch = await scratchDirectory();
    await mkdir(join(scratch.path, "empty", "inside"), { recursive: true });
    expect((await signer.signDirectory(scratch.path)).artifacts).toEqual([]);
  });

  it("follows a link that is the directory itself", async () => {
    await using scratch = await scratchDirectory();
    await writeFiles(join(scratch.path, "real"), { a: "a" });
    await symlink("real", join(scratch.path, "alias"));
    const { artifacts } = await signer.signDirectory(join(scratch.path, "alias"));
    expect(artifacts.map(({ path }) => path)).toEqual(["alias/a"]);
  });
});

describe("signing refuses", () => {
  it.each(["target", "nowhere", "../outside", "directory"])(
    "a symbolic link to %s",
    async (target) => {
      await using scratch = await scratchDirectory();
      await writeFiles(scratch.path, { target: "x", "directory/a": "x" });
      await symlink(target, join(scratch.path, "link"));
      await expect(signer.signDirectory(scratch.path)).rejects.toThrow(refusedWith("LINK"));
    },
  );

  it("a pipe, without waiting for someone to write into it", async () => {
    await using scratch = await scratchDirectory();
    makePipe(join(scratch.path, "pipe"));
    await expect(signer.signDirectory(scratch.path)).rejects.toThrow(refusedWith("SPECIAL_FILE"));
  });

  it("a socket", async () => {
    await using scratch = await scratchDirectory();
    await using _socket = await makeSocket(join(scratch.path, "socket"));
    await expect(signer.signDirectory(scratch.path)).rejects.toThrow(refusedWith("SPECIAL_FILE"));
  });

  it.each(["nul", "a:b", "back\\slash", "dot.", "space ", "AUX.js", "new\nline"])(
    "the name %j, which another system could not have, and names it",
    async (name) => {
      await using scratch = await scratchDirectory();
      await writeFile(join(scratch.path, name), "");
      await expect(signer.signDirectory(scratch.path)).rejects.toThrow(
        refusedWith("ARTIFACT_PATH"),
      );
      await expect(signer.signDirectory(scratch.path)).rejects.toThrow(
        JSON.stringify(name).slice(1, -1),
      );
    },
  );

  it.each(["file", "directory"])("a name that is not UTF-8, of a %s", async (kind) => {
    await using scratch = await scratchDirectory();
    const path = Buffer.concat([Buffer.from(`${scratch.path}/a`), Buffer.from([0xff])]);
    await (kind === "file" ? writeFile(path, "") : mkdir(path));
    await expect(signer.signDirectory(scratch.path)).rejects.toThrow(refusedWith("ARTIFACT_PATH"));
  });

  it("two names that are one where case is ignored", async () => {
    await using scratch = await scratchDirectory();
    await writeFiles(scratch.path, { "readme.md": "", "README.md": "" });
    await expect(signer.signDirectory(scratch.path)).rejects.toThrow(
      refusedWith("ARTIFACT_DUPLICATE"),
    );
  });

  it.each(["..", "a/../b", "/abs", "nul", "a/"])("the prefix %j", async (prefix) => {
    await using scratch = await scratchDirectory();
    await expect(signer.signDirectory(scratch.path, { prefix })).rejects.toThrow(
      refusedWith("ARTIFACT_PATH"),
    );
  });

  it("a directory that is none", async () => {
    await using scratch = await scratchDirectory();
    await writeFiles(scratch.path, { file: "" });
    for (const name of ["file", "nowhere"]) {
      await expect(signer.signDirectory(join(scratch.path, name))).rejects.toThrow(
        refusedWith("DIRECTORY"),
      );
    }
  });

  it("an identity with separators, and a height that is none", async () => {
    await using scratch = await scratchDirectory();
    const evil = new ManifestSigner({ cellId: "a;domain=b", domainId: "d" });
    await expect(evil.signDirectory(scratch.path)).rejects.toThrow(refusedWith("IDENTITY"));
    await expect(signer.signDirectory(scratch.path, { leanArtifactPath: "a|b" })).rejects.toThrow(
      refusedWith("IDENTITY"),
    );
    await expect(signer.signDirectory(scratch.path, { tauBlock: -1n })).rejects.toThrow(
      refusedWith("TAU_BLOCK"),
    );
  });

  it("a directory that goes away while it is signed", async () => {
    await using scratch = await scratchDirectory();
    const names = Array.from({ length: 50 }, (_, index) => [`f${index}`, "x"]);
    await writeFiles(join(scratch.path, "m"), Object.fromEntries(names));
    const signing = expect(signer.signDirectory(join(scratch.path, "m"))).rejects.toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^(?:FILE_CHANGED|DIRECTORY)$/) }),
    );
    // In the same turn, so that nothing has been read yet whatever the machine is doing.
    renameSync(join(scratch.path, "m"), join(scratch.path, "moved"));
    await signing;
  });

  it("to go on after it was aborted", async () => {
    await using scratch = await scratchDirectory();
    await writeFiles(scratch.path, { big: new Uint8Array(64 * 1024 * 1024), small: "x" });
    const reason = new Error("enough");
    await expect(
      signer.signDirectory(scratch.path, { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
    const controller = new AbortController();
    const signing = signer.signDirectory(scratch.path, { signal: controller.signal });
    setImmediate(() => controller.abort(reason));
    await expect(signing).rejects.toBe(reason);
  });

  it("keys it was not given: the vectors' files are then unsigned", async () => {
    await using scratch = await scratchDirectory();
    await writeFiles(scratch.path, vectorFiles(plainVector));
    const manifest = await signer.signDirectory(scratch.path);
    expect(manifest.quintet.every((entry) => entry.startsWith("selfsigned:"))).toBe(true);
  });
});
