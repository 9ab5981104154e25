import { execFileSync } from "node:child_process";
import {
  appendFile,
  chmod,
  link,
  mkdir,
  rename,
  rm,
  symlink,
  truncate,
  unlink,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MeshLoaderErrorCode, MeshLoaderOptions } from "./index.js";
import { refusal, TestMesh, trustedKeys } from "./mesh.testing.js";
import { ed25519, manifests, meshLoader, nativeImport, witness } from "./native.testing.js";

const FILES = {
  "index.js": 'export { k } from "./lib/deep/k.js"; globalThis.ran = (globalThis.ran ?? 0) + 1;',
  "lib/deep/k.js": "export const k = 41;",
  "data.bin": new Uint8Array(5000),
};

/** A name of its own for each test, since names are known to the whole process. */
let name = "";
let tests = 0;
let mesh: TestMesh;
beforeEach(async () => {
  tests += 1;
  name = `t.refusals.m${tests}`;
  mesh = await TestMesh.create();
  await mesh.publish(name, FILES, { signed: true });
  Object.assign(globalThis, { ran: 0 });
});
afterEach(async () => {
  await mesh[Symbol.asyncDispose]();
});

/** Loading is refused with a code, and nothing of the module runs or is found by its name. */
async function expectRefused(
  code: MeshLoaderErrorCode,
  options: MeshLoaderOptions = {},
): Promise<void> {
  for (const federationPublicKeys of [trustedKeys, undefined]) {
    const loading = meshLoader.loadFromMesh(name, {
      ...mesh.options,
      federationPublicKeys,
      ...options,
    });
    await expect(loading).rejects.toMatchObject(refusal(code));
  }
  await expect(nativeImport(name)).rejects.toThrow();
  expect(globalThis).toHaveProperty("ran", 0);
}

async function makeSocket(path: string): Promise<() => Promise<void>> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(path, done));
  return () => new Promise((done) => server.close(() => done()));
}

describe("a module whose files were tampered with is refused:", () => {
  it.each(["index.js", "lib/deep/k.js", "data.bin"])("one bit of %s", async (path) => {
    const content = Buffer.from(FILES[path as keyof typeof FILES]);
    content[3] = (content[3] ?? 0) ^ 1;
    await writeFile(mesh.at(name, `artifacts/${path}`), content);
    await expectRefused("ARTIFACT_MISMATCH");
  });

  it("a byte more", async () => {
    await appendFile(mesh.at(name, "artifacts/index.js"), "\n");
    await expectRefused("ARTIFACT_MISMATCH");
  });

  it("a byte less", async () => {
    await truncate(mesh.at(name, "artifacts/index.js"), 10);
    await expectRefused("ARTIFACT_MISMATCH");
  });

  it("an enormous file, which is not read", async () => {
    await truncate(mesh.at(name, "artifacts/data.bin"), 8 * 1024 ** 4);
    await expectRefused("ARTIFACT_MISMATCH");
  });

  it("a missing file", async () => {
    await unlink(mesh.at(name, "artifacts/lib/deep/k.js"));
    await expectRefused("ARTIFACT_MISSING");
  });

  it("missing directories", async () => {
    await rm(mesh.at(name, "artifacts/lib"), { recursive: true });
    await expectRefused("ARTIFACT_MISSING");
    await rm(mesh.at(name, "artifacts"), { recursive: true });
    await expectRefused("ARTIFACT_MISSING");
  });
});

describe("what is no file of its own is refused:", () => {
  it.each([
    ["the module", ""],
    ["manifest.json", "manifest.json"],
    ["artifacts", "artifacts"],
    ["a directory on the way", "artifacts/lib"],
    ["the last directory", "artifacts/lib/deep"],
    ["a file", "artifacts/lib/deep/k.js"],
  ])("a link in the place of %s, though it leads to the very same bytes", async (_, path) => {
    await rename(mesh.at(name, path), join(mesh.directory, "elsewhere"));
    await symlink(join(mesh.directory, "elsewhere"), mesh.at(name, path));
    await expectRefused("LINK");
  });

  it("a directory, a pipe, a socket, and a device by way of a link", async () => {
    const path = mesh.at(name, "artifacts/index.js");
    await unlink(path);
    await mkdir(path);
    await expectRefused("NOT_A_FILE");
    await rm(path, { recursive: true });
    execFileSync("/usr/bin/mkfifo", [path]);
    await expectRefused("NOT_A_FILE");
    await unlink(path);
    const close = await makeSocket(path);
    await expectRefused("NOT_A_FILE");
    await close();
    await symlink("/dev/zero", path);
    await expectRefused("LINK");
  });

  it("a file in the place of a directory", async () => {
    await rm(mesh.at(name, "artifacts/lib"), { recursive: true });
    await writeFile(mesh.at(name, "artifacts/lib"), "");
    await expectRefused("NOT_A_FILE");
  });

  it("but a second name of the right file is as good as the first, since its bytes are hashed", async () => {
    const path = mesh.at(name, "artifacts/index.js");
    await link(path, join(mesh.directory, "second-name"));
    expect(await mesh.loader().load(name)).toMatchObject({ k: 41 });
  });
});

describe("a cache root is refused that", () => {
  it.each([0o770, 0o702, 0o777, 0o1777])("others may write, mode %o", async (mode) => {
    await chmod(mesh.cacheRoot, mode);
    await expectRefused("CACHE_ROOT_UNSAFE");
    await chmod(mesh.cacheRoot, 0o700);
    expect(await mesh.loader().load(name)).toMatchObject({ k: 41 });
  });

  it("is not there, or is a file", async () => {
    await expectRefused("CACHE_ROOT", { cacheRoot: join(mesh.directory, "nowhere") });
    await expectRefused("CACHE_ROOT", { cacheRoot: mesh.at(name, "manifest.json") });
  });

  it("but one that others may only read is used, also by way of a link", async () => {
    await chmod(mesh.cacheRoot, 0o755);
    await symlink(mesh.cacheRoot, join(mesh.directory, "alias"));
    const cacheRoot = join(mesh.directory, "alias");
    expect(await mesh.loader({ cacheRoot }).load(name)).toMatchObject({ k: 41 });
  });
});

describe("a manifest is refused that", () => {
  it("is missing, or whose module is", async () => {
    await unlink(mesh.at(name, "manifest.json"));
    await expectRefused("MANIFEST_MISSING");
    await rm(mesh.at(name), { recursive: true });
    await expectRefused("MANIFEST_MISSING");
  });

  it("is empty, cut short, no JSON, or too large to be one", async () => {
    const path = mesh.at(name, "manifest.json");
    await truncate(path, 200);
    await expectRefused("MANIFEST_INVALID");
    await writeFile(path, "");
    await expectRefused("MANIFEST_INVALID");
    await writeFile(path, "\0".repeat(100));
    await expectRefused("MANIFEST_INVALID");
    await truncate(path, 1024 ** 4);
    await expectRefused("MANIFEST_INVALID");
  });

  it("was changed after it was signed, whatever was changed", async () => {
    const wire = JSON.parse((await mesh.publish(name, FILES, { signed: true })).toJson());
    const path = mesh.at(name, "manifest.json");
    for (const change of [
      { cell_id: "other" },
      { artifacts: [] },
      { witness_hash_sha256: "0".repeat(64) },
    ]) {
      await writeFile(path, JSON.stringify({ ...wire, ...change }));
      await expectRefused("MANIFEST_INVALID");
    }
    for (const change of [
      { tau_block: 1 },
      { lean_artifact_path: "x" },
      { signature_quintet: Array(5).fill("x") },
    ]) {
      await writeFile(path, JSON.stringify({ ...wire, ...change }));
      await expectRefused("FEDERATION_FAILED");
    }
  });

  it("is of another module, though it is validly signed", async () => {
    const other = await mesh.sign("t.other", FILES, { signed: true });
    await mesh.place(name, other.manifest.toJson(), FILES);
    await expectRefused("UNBOUND");
    const longer = await mesh.sign(`${name}2`, FILES, { signed: true });
    await mesh.place(name, longer.manifest.toJson(), FILES);
    await expectRefused("UNBOUND");
  });

  it("lists no file at all, and so would fit any module", async () => {
    const empty = await mesh.sign(name, {}, { signed: true });
    await mesh.place(name, empty.manifest.toJson(), {});
    await expectRefused("UNBOUND");
  });

  it("lists more bytes than the loader takes", async () => {
    await expectRefused("TOO_LARGE", { maxModuleBytes: 5000 });
  });
});

describe("a foreign cache, whose paths have no prefix,", () => {
  it("is loaded only where the caller allows it", async () => {
    const foreign = await mesh.sign(name, FILES, { prefix: "", signed: true });
    await mesh.place(name, foreign.manifest.toJson(), FILES);
    await expectRefused("UNBOUND");
    const loaded = await mesh
      .loader({ allowUnboundModule: true, federationPublicKeys: trustedKeys })
      .open(name);
    expect(loaded.module).toMatchObject({ k: 41 });
    expect(loaded.report.checks).toContainEqual(
      expect.objectContaining({ name: "binding", status: "skipped" }),
    );
  });
});

describe("with the federation's keys a module is refused that", () => {
  const load = (options: MeshLoaderOptions): Promise<unknown> =>
    meshLoader.loadFromMesh(name, { ...mesh.options, ...options });

  it("is not signed, or not by all five", async () => {
    const { manifest } = await mesh.sign(name, FILES, { signed: true });
    const unsigned = await mesh.publish(name, FILES);
    await expect(load({ federationPublicKeys: trustedKeys })).rejects.toMatchObject(
      refusal("FEDERATION_FAILED"),
    );
    const quintet = [...manifest.quintet.slice(0, 4), unsigned.quintet[4]];
    const wire = { ...JSON.parse(manifest.toJson()), signature_quintet: quintet };
    await mesh.place(name, JSON.stringify(wire), FILES);
    await expect(load({ federationPublicKeys: trustedKeys })).rejects.toMatchObject(
      refusal("FEDERATION_FAILED"),
    );
  });

  it("others signed", async () => {
    const strangers = witness.CONTEXTS.map(
      (context) => [context, ed25519.generateKeyPair().publicKey] as const,
    );
    await expect(
      load({ federationPublicKeys: witness.federationKeys(strangers) }),
    ).rejects.toMatchObject(refusal("FEDERATION_FAILED"));
  });

  it("and keys in texts, one for each context, do as well as a table", async () => {
    const texts = Object.fromEntries(
      [...trustedKeys.keys].map(([context, key]) => [context, ed25519.publicKeyToHex(key)]),
    ) as Record<(typeof witness.CONTEXTS)[number], string>;
    expect(await load({ federationPublicKeys: texts })).toMatchObject({ k: 41 });
  });

  it("and keys that cannot be used never mean no keys", async () => {
    const [[context, key] = []] = [...trustedKeys.keys];
    const one = { [context as string]: ed25519.publicKeyToHex(key as never) };
    const revoked = { ...trustedKeys, revoked: new Set([ed25519.publicKeyToHex(key as never)]) };
    for (const federationPublicKeys of [
      {},
      one,
      { ...one, extra: "x" },
      null,
      revoked,
      new Map(),
      "keys",
    ]) {
      expect(() => mesh.loader({ federationPublicKeys: federationPublicKeys as never })).toThrow(
        expect.objectContaining(refusal("KEYS_UNUSABLE")),
      );
    }
    expect(() => mesh.loader({ requireSigned: true })).toThrow(
      expect.objectContaining(refusal("KEYS_REQUIRED")),
    );
  });
});

describe("a version is refused that is not the one wanted:", () => {
  it("by the caller", async () => {
    const { witnessHash } = await mesh.publish(name, FILES);
    const options = { ...mesh.options, allowRollback: true };
    await expect(
      meshLoader.loadFromMesh(name, { ...options, expectedWitness: "0".repeat(64) }),
    ).rejects.toMatchObject(refusal("PINNED"));
    expect(
      await meshLoader.loadFromMesh(name, { ...options, expectedWitness: witnessHash }),
    ).toMatchObject({ k: 41 });
    await expect(
      meshLoader.loadFromMesh(name, { ...options, expectedWitness: "x" }),
    ).rejects.toMatchObject({ name: "WitnessError" });
  });

  it("by the lock", async () => {
    const { witnessHash } = await mesh.publish(name, FILES);
    await expectRefusedUnsigned("PINNED", { lock: { [name]: "0".repeat(64) } });
    await expectRefusedUnsigned("NOT_LOCKED", { lock: {} });
    expect(await mesh.loader({ lock: { [name]: witnessHash } }).load(name)).toMatchObject({
      k: 41,
    });
  });

  async function expectRefusedUnsigned(
    code: MeshLoaderErrorCode,
    options: MeshLoaderOptions,
  ): Promise<void> {
    await expect(mesh.loader(options).load(name)).rejects.toMatchObject(refusal(code));
  }
});

describe("an argument is refused that cannot be meant:", () => {
  it.each(["", "../x", "a/b", "a..b", "1"])("the name %j", async (bad) => {
    await expect(mesh.loader().load(bad)).rejects.toMatchObject(refusal("MODULE_NAME"));
    expect(() => mesh.loader().unload(bad)).toThrow(
      expect.objectContaining(refusal("MODULE_NAME")),
    );
    await expect(mesh.loader().explain(bad)).rejects.toMatchObject(refusal("MODULE_NAME"));
  });

  it.each(["fs", "path", "crypto"])(
    "the name of the built-in %s, which it would replace",
    async (bad) => {
      await expect(mesh.publish(bad, FILES)).rejects.toMatchObject(refusal("NAME_RESERVED"));
      await expect(mesh.loader().load(bad)).rejects.toMatchObject(refusal("NAME_RESERVED"));
      expect(() => mesh.loader().watch(bad)).toThrow(
        expect.objectContaining(refusal("NAME_RESERVED")),
      );
    },
  );

  it.each<[string, object]>([
    ["an option that is not known, such as one that would isolate", { isolate: true }],
    ["a misspelt option", { requireSignd: true }],
    ["a path to be allowed", { allow: ["./x.js"] }],
    ["a URL to be allowed", { allow: ["file:///x.js"] }],
    ["a number to be allowed", { allow: [1] }],
    ["an age below zero", { maxAge: -1 }],
    ["an age that is no number", { maxAge: Number.NaN }],
    ["no bytes at all", { maxModuleBytes: 0 }],
    ["a lock without hashes", { lock: { a: "x" } }],
  ])("%s", (_, options) => {
    expect(() => mesh.loader(options)).toThrow(expect.objectContaining(refusal("ARGUMENT")));
  });

  it("a record of accepted versions inside the cache, where whoever writes the cache would change it", async () => {
    const shortcut = join(mesh.directory, "shortcut");
    await symlink(mesh.cacheRoot, shortcut);
    for (const trustStore of [
      mesh.at("trust.sqlite"),
      join(shortcut, "trust.sqlite"),
      join(shortcut, "not/there/trust.sqlite"),
    ]) {
      expect(() => mesh.loader({ trustStore })).toThrow(
        expect.objectContaining(refusal("ARGUMENT")),
      );
    }
  });
});

describe("extra files", () => {
  it("are never read, whatever they are", async () => {
    await writeFile(mesh.at(name, "artifacts/extra.js"), "export const extra = true;");
    await symlink("/etc/passwd", mesh.at(name, "artifacts/lib/link"));
    await symlink("/etc", mesh.at(name, "link"));
    execFileSync("/usr/bin/mkfifo", [mesh.at(name, "artifacts/pipe")]);
    const loaded = await mesh.loader().open(name);
    expect(loaded.module).toMatchObject({ k: 41 });
    expect(loaded.paths).toEqual(["data.bin", "index.js", "lib/deep/k.js"]);
    await expect(nativeImport(loaded.url.replace("index.js", "extra.js"))).rejects.toMatchObject(
      refusal("NO_SUCH_ARTIFACT"),
    );
  });
});

describe("the manifests of this test", () => {
  it("are sound, so that each refusal is for its own reason", async () => {
    const { manifest, source } = await mesh.sign(name, FILES, { signed: true });
    const verifier = new manifests.ManifestVerifier({ keys: trustedKeys });
    const report = await verifier.verify(manifest, source, {
      prefix: name.replaceAll(".", "/"),
      strict: true,
    });
    expect(report).toMatchObject({ ok: true, level: "signed" });
  });
});
