import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, rename, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runScript } from "./child-script.testing.js";
import { refusal, TestMesh, trustedKeys, writeFiles } from "./mesh.testing.js";
import { manifests, meshLoader } from "./native.testing.js";

const FILES = { "index.js": "export const version = 1;", "lib/a.js": "export const a = 1;" };

const PUBLISH = `
  import { Manifest } from "@gaiaftcl/manifest";
  import { publish } from "@gaiaftcl/mesh-loader";
  const [cacheRoot, module, source, manifest] = process.argv.slice(1);
  console.log("started");
  await publish(source, module, { cacheRoot, manifest: Manifest.fromJson(manifest) });`;

let mesh: TestMesh;
let tests = 0;
let name = "";
beforeEach(async () => {
  tests += 1;
  name = `t.publish.m${tests}`;
  mesh = await TestMesh.create();
});
afterEach(async () => {
  await mesh[Symbol.asyncDispose]();
});

function signerAt(at: string): InstanceType<typeof manifests.ManifestSigner> {
  return new manifests.ManifestSigner({
    cellId: "cell",
    domainId: "domain",
    clock: () => new Date(at),
  });
}

/** What is in the cache beside modules. */
async function leftovers(): Promise<string[]> {
  return (await readdir(mesh.cacheRoot)).filter(
    (entry) => entry.startsWith(".") && entry !== ".publish.lock",
  );
}

describe("publishing a directory", () => {
  it("signs it for the name of the module, and puts it where load finds it", async () => {
    const source = join(mesh.directory, "source");
    await writeFiles(source, FILES);
    const { cacheRoot } = mesh;
    const signer = signerAt("2026-06-01T11:30:00Z");
    const published = await meshLoader.publish(source, name, { cacheRoot, signer, tauBlock: 7 });
    expect(published).toMatchObject({ name, path: join(cacheRoot, name) });
    expect(published.manifest.tauBlock).toBe(7);
    expect(published.manifest.artifacts.map(({ path }) => path)).toEqual([
      `t/publish/m${tests}/index.js`,
      `t/publish/m${tests}/lib/a.js`,
    ]);
    expect(await mesh.loader().load(name)).toMatchObject({ version: 1 });
    expect(await meshLoader.listModules({ cacheRoot })).toEqual([name]);
    expect((await stat(cacheRoot)).mode & 0o777).toBe(0o700);
    expect(await leftovers()).toEqual([]);
  });

  it("takes a manifest that was cosigned elsewhere", async () => {
    await mesh.publish(name, FILES, { signed: true });
    const loader = mesh.loader({ federationPublicKeys: trustedKeys });
    expect(await loader.load(name)).toMatchObject({ version: 1 });
  });

  it("replaces the version before, of which nothing remains", async () => {
    await mesh.publish(name, { ...FILES, "old.js": "" });
    await mesh.publish(name, { "index.js": "export const version = 2;" });
    expect(await mesh.loader().load(name)).toMatchObject({ version: 2 });
    expect(await readdir(mesh.at(name, "artifacts"))).toEqual(["index.js"]);
    expect(await leftovers()).toEqual([]);
  });

  it("is done through a loader as well, into its cache", async () => {
    const source = join(mesh.directory, "source");
    await writeFiles(source, FILES);
    await mkdir(mesh.cacheRoot);
    await chmod(mesh.cacheRoot, 0o755);
    const loader = mesh.loader();
    await loader.publish(source, name, { signer: signerAt("2026-06-01T11:30:00Z") });
    expect(await loader.load(name)).toMatchObject({ version: 1 });
  });

  it("waits for the next second when the version before was signed in the same", async () => {
    const source = join(mesh.directory, "source");
    const signer = new manifests.ManifestSigner({ cellId: "cell", domainId: "domain" });
    const loader = mesh.loader();
    for (const version of [1, 2, 3]) {
      await writeFiles(source, { "index.js": `export const version = ${version};` });
      await loader.publish(source, name, { signer });
      expect(await loader.load(name)).toMatchObject({ version });
    }
  });

  it("may be repeated with what is already there", async () => {
    const { manifest, source } = await mesh.sign(name, FILES);
    for (const _ of [1, 2])
      await meshLoader.publish(source, name, { cacheRoot: mesh.cacheRoot, manifest });
    expect(await mesh.loader().load(name)).toMatchObject({ version: 1 });
  });
});

describe("publishing refuses", () => {
  const publish = (
    source: string,
    options: Omit<Parameters<typeof meshLoader.publish>[2], "cacheRoot">,
  ): Promise<unknown> =>
    meshLoader.publish(source, name, { cacheRoot: mesh.cacheRoot, ...options });

  it("what is not newer than the version in the cache, unless it is told to", async () => {
    await mesh.publish(name, FILES, { at: "2026-06-01T11:30:00Z" });
    for (const at of ["2026-06-01T11:29:59Z", "2026-06-01T11:30:00Z"]) {
      const { manifest, source } = await mesh.sign(name, { "index.js": `// ${at}` }, { at });
      await expect(publish(source, { manifest })).rejects.toMatchObject(refusal("NOT_NEWER"));
      await expect(publish(source, { signer: signerAt(at) })).rejects.toMatchObject(
        refusal("NOT_NEWER"),
      );
      const elsewhere = await mesh.sign(name, FILES, { at, domainId: "elsewhere" });
      expect(elsewhere.manifest.producedAtIso).toBe(at);
    }
    expect(await mesh.loader().load(name)).toMatchObject({ version: 1 });
    const { manifest, source } = await mesh.sign(name, FILES, { at: "2026-01-01T00:00:00Z" });
    await publish(source, { manifest, allowRollback: true });
    expect(await leftovers()).toEqual([]);
  });

  it("files that are not the signed ones, and leaves the version before in place", async () => {
    await mesh.publish(name, FILES, { at: "2026-06-01T11:30:00Z" });
    const { manifest, source } = await mesh.sign(name, {
      ...FILES,
      "index.js": "export const version = 2;",
    });
    await writeFile(join(source, "lib", "a.js"), "export const a = 2;");
    await expect(publish(source, { manifest })).rejects.toMatchObject(refusal("SOURCE_CHANGED"));
    await rename(join(source, "lib"), join(source, "moved"));
    await expect(publish(source, { manifest })).rejects.toMatchObject(refusal("SOURCE_CHANGED"));
    await symlink("moved", join(source, "lib"));
    await expect(publish(source, { manifest })).rejects.toMatchObject(refusal("LINK"));
    expect(await mesh.loader().load(name)).toMatchObject({ version: 1 });
    expect(await leftovers()).toEqual([]);
  });

  it("a manifest of another module, and links in what it signs", async () => {
    const { manifest, source } = await mesh.sign("t.another", FILES);
    await expect(publish(source, { manifest })).rejects.toMatchObject(refusal("UNBOUND"));
    await symlink("index.js", join(source, "link.js"));
    await expect(
      publish(source, { signer: signerAt("2026-06-01T11:30:00Z") }),
    ).rejects.toMatchObject({
      name: "ManifestError",
      code: "LINK",
    });
  });

  it("a cache that others may write", async () => {
    const { manifest, source } = await mesh.sign(name, FILES);
    await mkdir(mesh.cacheRoot);
    await chmod(mesh.cacheRoot, 0o777);
    await expect(publish(source, { manifest })).rejects.toMatchObject(refusal("CACHE_ROOT_UNSAFE"));
  });

  it("arguments that cannot be meant", async () => {
    const { manifest, source } = await mesh.sign(name, FILES);
    const signer = signerAt("2026-06-01T11:30:00Z");
    await expect(publish(source, {})).rejects.toMatchObject(refusal("ARGUMENT"));
    await expect(publish(source, { manifest, signer })).rejects.toMatchObject(refusal("ARGUMENT"));
    await expect(
      meshLoader.publish(source, "../x", { cacheRoot: mesh.cacheRoot, manifest }),
    ).rejects.toMatchObject(refusal("MODULE_NAME"));
    await writeFile(join(mesh.directory, "file"), "");
    await expect(
      meshLoader.publish(source, name, { cacheRoot: join(mesh.directory, "file"), manifest }),
    ).rejects.toMatchObject(refusal("PUBLISH"));
  });

  it("to go on after it was aborted, and leaves nothing behind", async () => {
    const { manifest, source } = await mesh.sign(name, FILES);
    const reason = new Error("enough");
    await expect(publish(source, { manifest, signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    expect(await leftovers()).toEqual([]);
    expect(existsSync(mesh.at(name))).toBe(false);
  });

  it("a lock that was replaced by something else", async () => {
    const { manifest, source } = await mesh.sign(name, FILES);
    await mkdir(mesh.cacheRoot, { mode: 0o700 });
    await writeFile(join(mesh.cacheRoot, ".publish.lock"), "x");
    await expect(publish(source, { manifest })).rejects.toMatchObject(refusal("PUBLISH"));
    expect(await leftovers()).toEqual([]);
  });
});

describe("after a publisher was killed", () => {
  it("between taking the old version away and putting the new one in place, readers find the old", async () => {
    await mesh.publish(name, FILES, { at: "2026-06-01T11:30:00Z" });
    await rename(mesh.at(name), mesh.at(`.${name}.previous`));
    const loader = mesh.loader();
    expect(await loader.load(name)).toMatchObject({ version: 1 });

    // The next publisher knows what is in place, and tidies up.
    const old = await mesh.sign(name, FILES, { at: "2026-01-01T00:00:00Z" });
    await expect(
      meshLoader.publish(old.source, name, { cacheRoot: mesh.cacheRoot, manifest: old.manifest }),
    ).rejects.toMatchObject(refusal("NOT_NEWER"));
    await mesh.publish(name, { "index.js": "export const version = 2;" });
    expect(await loader.load(name)).toMatchObject({ version: 2 });
    expect(await leftovers()).toEqual([]);
  });

  it("before it removed the old version, the next publisher removes it", async () => {
    await mesh.publish(name, FILES);
    await writeFiles(mesh.at(`.${name}.previous`), { "manifest.json": "left behind" });
    expect(await mesh.loader().load(name)).toMatchObject({ version: 1 });
    await mesh.publish(name, { "index.js": "export const version = 2;" });
    expect(await leftovers()).toEqual([]);
  });

  it("while it copied, its copy is removed a day later", async () => {
    const abandoned = `.${name}.00000000-0000-4000-8000-000000000000`;
    const foreign = `.${name}.notes`;
    await writeFiles(mesh.at(abandoned), { "artifacts/x": "" });
    await writeFiles(mesh.at(foreign), { x: "" });
    await chmod(mesh.cacheRoot, 0o700);
    await mesh.publish(name, FILES);
    expect((await leftovers()).sort()).toEqual([abandoned, foreign].sort());
    const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000);
    await utimes(mesh.at(abandoned), yesterday, yesterday);
    await utimes(mesh.at(foreign), yesterday, yesterday);
    await mesh.publish(name, FILES);
    expect(await leftovers()).toEqual([foreign]);
  });

  it("while it held the lock, the lock is free", async () => {
    await mesh.publish(name, FILES);
    const hold = `
      const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
      new DatabaseSync(${JSON.stringify(join(mesh.cacheRoot, ".publish.lock"))}).exec("BEGIN EXCLUSIVE");
      process.kill(process.pid, "SIGKILL");`;
    expect(() => execFileSync(process.execPath, ["-e", hold], { stdio: "ignore" })).toThrow();
    await mesh.publish(name, { "index.js": "export const version = 2;" });
    expect(await mesh.loader().load(name)).toMatchObject({ version: 2 });
  });

  it("and one that lives is waited for", async () => {
    await mesh.publish(name, FILES);
    const held = new DatabaseSync(join(mesh.cacheRoot, ".publish.lock"));
    held.exec("BEGIN EXCLUSIVE");
    const { manifest, source } = await mesh.sign(name, { "index.js": "export const version = 2;" });
    // The wait itself blocks, so it is another process that waits.
    const publisher = runScript(PUBLISH, [mesh.cacheRoot, name, source, manifest.toJson()]);
    await publisher.started;
    held.close();
    await publisher.ended;
    expect(await mesh.loader().load(name)).toMatchObject({ version: 2 });
  });
});
