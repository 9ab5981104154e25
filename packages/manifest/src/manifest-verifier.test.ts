import { mkdir, rename, rm, symlink, truncate, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256Hex } from "@gaiaftcl/witness";
import { describe, expect, it } from "vitest";
import { Manifest } from "./manifest.js";
import { ManifestSigner } from "./manifest-signer.js";
import { ManifestVerifier } from "./manifest-verifier.js";
import { makePipe, makeSocket } from "./special-files.testing.js";
import {
  plainVector,
  scratchDirectory,
  trustedKeys,
  vectorFiles,
  vectors,
  writeFiles,
} from "./vectors.testing.js";

const verifier = new ManifestVerifier();
const signer = new ManifestSigner({ cellId: "cell", domainId: "domain" });
const FILES = { "a.js": "aaaa", "b.js": "bbbb", "sub/c.js": "cccc", "sub/deep/d.js": "dddd" };

/** A signed directory `m` with the files above; the paths begin with `m/`. */
async function signedDirectory(): Promise<
  AsyncDisposable & {
    readonly directory: string;
    readonly manifest: Manifest;
    at(name: string): string;
  }
> {
  const scratch = await scratchDirectory();
  const directory = join(scratch.path, "m");
  await writeFiles(directory, FILES);
  return {
    directory,
    manifest: await signer.signDirectory(directory),
    at: (name) => join(directory, name),
    [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
  };
}

describe("verifying a directory", () => {
  it.each(vectors.manifests)(
    "accepts the files of the vectors, signed: $prefix",
    async (vector) => {
      await using scratch = await scratchDirectory();
      await writeFiles(scratch.path, vectorFiles(vector));
      const manifest = Manifest.fromJson(JSON.stringify(vector.signed));
      const report = await new ManifestVerifier({ keys: trustedKeys, requireSigned: true }).verify(
        manifest,
        scratch.path,
        { prefix: vector.prefix, strict: true },
      );
      expect(report).toMatchObject({
        ok: true,
        level: "signed",
        missing: [],
        changed: [],
        extra: [],
      });
      expect(report.filesChecked).toBe(vector.signed.artifacts.length);
      expect(report.bytesRead).toBe(
        vector.signed.artifacts.reduce((sum, { bytes }) => sum + bytes, 0),
      );
    },
  );

  it("says that an unsigned manifest proves consistency and not origin", async () => {
    await using signed = await signedDirectory();
    const report = await verifier.verify(signed.manifest, signed.directory);
    expect(report).toMatchObject({ ok: true, level: "facets" });
    expect(report.summary).toContain("unsigned");
    expect(report.checks).toContainEqual({ name: "artifacts", status: "passed" });
    expect(report.checks).toContainEqual(
      expect.objectContaining({ name: "extra", status: "skipped" }),
    );
  });

  it("does not accept good files with a seal that is not signed, when there are keys", async () => {
    await using signed = await signedDirectory();
    const report = await new ManifestVerifier({ keys: trustedKeys }).verify(
      signed.manifest,
      signed.directory,
    );
    expect(report).toMatchObject({ ok: false, missing: [], changed: [] });
    expect(report.seal.ok).toBe(false);
  });

  it("maps the directory's own name where every path begins with it, nothing otherwise, or what it is told", async () => {
    await using signed = await signedDirectory();
    const bare = await signer.signDirectory(signed.directory, { prefix: "" });
    const other = await signer.signDirectory(signed.directory, { prefix: "x/y" });
    const ok = async (...args: Parameters<ManifestVerifier["verify"]>): Promise<boolean> =>
      (await verifier.verify(...args)).ok;
    expect(await ok(signed.manifest, signed.directory)).toBe(true);
    expect(await ok(signed.manifest, signed.directory, { prefix: "m" })).toBe(true);
    expect(await ok(signed.manifest, signed.directory, { prefix: "" })).toBe(false);
    expect(await ok(signed.manifest, signed.directory, { prefix: "n" })).toBe(false);
    expect(await ok(bare, signed.directory)).toBe(true);
    expect(await ok(other, signed.directory)).toBe(false);
    expect(await ok(other, signed.directory, { prefix: "x/y" })).toBe(true);
    await rename(signed.directory, `${signed.directory}2`);
    expect(await ok(signed.manifest, `${signed.directory}2`)).toBe(false);
    expect(await ok(signed.manifest, `${signed.directory}2`, { prefix: "m" })).toBe(true);
  });

  it("names every missing file", async () => {
    await using signed = await signedDirectory();
    await unlink(signed.at("b.js"));
    await rm(signed.at("sub"), { recursive: true });
    const report = await verifier.verify(signed.manifest, signed.directory);
    expect(report).toMatchObject({
      ok: false,
      missing: ["m/b.js", "m/sub/c.js", "m/sub/deep/d.js"],
      changed: [],
    });
    expect(report.summary).toContain("3 missing");
  });

  it("names every changed file with what was expected and what was found", async () => {
    await using signed = await signedDirectory();
    await writeFile(signed.at("a.js"), "aaab");
    await writeFile(signed.at("b.js"), "bbbbb");
    await truncate(signed.at("sub/c.js"), 3);
    const report = await verifier.verify(signed.manifest, signed.directory);
    expect(report.ok).toBe(false);
    expect(report.changed).toEqual([
      {
        path: "m/a.js",
        expected: { bytes: 4, sha256: sha256Hex("aaaa") },
        found: { kind: "file", bytes: 4, sha256: sha256Hex("aaab") },
      },
      {
        path: "m/b.js",
        expected: { bytes: 4, sha256: sha256Hex("bbbb") },
        found: { kind: "file", bytes: 5 },
      },
      {
        path: "m/sub/c.js",
        expected: { bytes: 4, sha256: sha256Hex("cccc") },
        found: { kind: "file", bytes: 3 },
      },
    ]);
    // What has another size is not read.
    expect(report.bytesRead).toBe(8);
  });

  it("lists extra files in strict mode, whatever they are, and only there", async () => {
    await using signed = await signedDirectory();
    await writeFile(signed.at("extra.js"), "");
    await symlink("a.js", signed.at("sub/link"));
    makePipe(signed.at("pipe"));
    await mkdir(signed.at("empty"));
    await mkdir(Buffer.concat([Buffer.from(signed.at("x")), Buffer.from([0xff])]));
    expect(await verifier.verify(signed.manifest, signed.directory)).toMatchObject({
      ok: true,
      extra: [],
    });
    const report = await verifier.verify(signed.manifest, signed.directory, { strict: true });
    expect(report).toMatchObject({
      ok: false,
      extra: ["m/extra.js", "m/pipe", "m/sub/link", "m/x\ufffd"],
      extraCount: 4,
    });
  });

  it("counts all extra files though it names only some", async () => {
    await using signed = await signedDirectory();
    const names = Array.from({ length: 10_010 }, (_, index) => [`many/${index}`, ""]);
    await writeFiles(signed.directory, Object.fromEntries(names));
    const report = await verifier.verify(signed.manifest, signed.directory, { strict: true });
    expect(report.extra).toHaveLength(10_000);
    expect(report.extraCount).toBe(10_010);
  });

  it("does not follow a link in the place of a file, even to the right bytes", async () => {
    await using signed = await signedDirectory();
    await rename(signed.at("a.js"), join(signed.directory, "..", "elsewhere.js"));
    await symlink("../elsewhere.js", signed.at("a.js"));
    const report = await verifier.verify(signed.manifest, signed.directory);
    expect(report.changed).toEqual([
      expect.objectContaining({ path: "m/a.js", found: { kind: "symlink" } }),
    ]);
  });

  it.each(["sub", "sub/deep"])(
    "does not follow a link in the place of the directory %s",
    async (name) => {
      await using signed = await signedDirectory();
      await rename(signed.at(name), join(signed.directory, "..", "elsewhere"));
      await symlink(join(signed.directory, "..", "elsewhere"), signed.at(name));
      const report = await verifier.verify(signed.manifest, signed.directory);
      expect(report.ok).toBe(false);
      expect(report.changed.map(({ path, found }) => [path, found.kind])).toContainEqual([
        "m/sub/deep/d.js",
        "symlink",
      ]);
    },
  );

  it("reports directories, pipes and sockets in the place of files, and does not hang on them", async () => {
    await using signed = await signedDirectory();
    for (const name of ["a.js", "b.js", "sub/c.js", "sub/deep/d.js"]) await unlink(signed.at(name));
    await mkdir(signed.at("a.js"));
    makePipe(signed.at("b.js"));
    await using _socket = await makeSocket(signed.at("sub/c.js"));
    await rm(signed.at("sub/deep"), { recursive: true });
    await writeFile(signed.at("sub/deep"), "a file where a directory was");
    const report = await verifier.verify(signed.manifest, signed.directory);
    expect(report.changed.map(({ path, found }) => [path, found.kind])).toEqual([
      ["m/a.js", "directory"],
      ["m/b.js", "special"],
      ["m/sub/c.js", "special"],
    ]);
    expect(report.missing).toEqual(["m/sub/deep/d.js"]);
  });

  it("reports how far it has come", async () => {
    await using signed = await signedDirectory();
    const progress: number[] = [];
    await verifier.verify(signed.manifest, signed.directory, {
      onProgress: ({ files }) => progress.push(files),
    });
    expect(progress.at(-1)).toBe(4);
  });

  it("stops when it is aborted, and when the listener of its progress throws", async () => {
    await using scratch = await scratchDirectory();
    await writeFiles(scratch.path, { big: new Uint8Array(64 * 1024 * 1024) });
    const manifest = await signer.signDirectory(scratch.path, { prefix: "" });
    const reason = new Error("enough");
    await expect(
      verifier.verify(manifest, scratch.path, { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
    const controller = new AbortController();
    const running = verifier.verify(manifest, scratch.path, { signal: controller.signal });
    setImmediate(() => controller.abort(reason));
    await expect(running).rejects.toBe(reason);
    await expect(
      verifier.verify(manifest, scratch.path, {
        onProgress: () => {
          throw reason;
        },
      }),
    ).rejects.toBe(reason);
  });

  it("refuses a directory that is none, and to require signatures without keys", async () => {
    await using signed = await signedDirectory();
    for (const name of ["nowhere", "a.js"]) {
      await expect(verifier.verify(signed.manifest, signed.at(name))).rejects.toThrow(
        expect.objectContaining({ code: "DIRECTORY" }),
      );
    }
    expect(() => new ManifestVerifier({ requireSigned: true })).toThrow(
      expect.objectContaining({ code: "KEYS_REQUIRED" }),
    );
  });

  it("verifies the seal alone without any directory", () => {
    const manifest = Manifest.fromJson(JSON.stringify(plainVector.signed));
    expect(new ManifestVerifier({ keys: trustedKeys }).verifySeal(manifest).level).toBe("signed");
  });
});
