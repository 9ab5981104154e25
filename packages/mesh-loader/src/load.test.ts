import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { refusal, TestMesh, trustedKeys } from "./mesh.testing.js";
import { meshLoader, nativeImport, nativeRequire } from "./native.testing.js";

const ADD_WASM = Buffer.from(
  "0061736d0100000001070160027f7f017f030201000707010361646400000a09010700200020016a0b",
  "hex",
);

interface Example {
  readonly answer: number;
  readonly boom: () => never;
  readonly url: string;
  readonly later: (path: string) => Promise<Record<string, unknown>>;
}

const EXAMPLE = {
  "package.json": '{"type":"module","main":"index.js"}',
  "index.js": [
    'import { k } from "./lib/k.js";',
    "export const answer = k + 1;",
    "export const url = import.meta.url;",
    'export const boom = () => { throw new Error("boom"); };',
    "export const later = (path) => import(path);",
  ].join("\n"),
  "lib/k.js": "export const k = 41;",
  "lib/late.js": 'export const late = "version one";',
  "data.bin": new Uint8Array([1, 2, 3]),
};

let mesh: TestMesh;
beforeEach(async () => {
  mesh = await TestMesh.create();
});
afterEach(async () => {
  await mesh[Symbol.asyncDispose]();
});

describe("loading a module", () => {
  it("verifies it, registers it, and returns what it exports; then import finds it by name", async () => {
    await mesh.publish("t.load.simple", EXAMPLE, { signed: true });
    const module = await meshLoader.loadFromMesh<Example>("t.load.simple", {
      ...mesh.options,
      federationPublicKeys: trustedKeys,
    });
    expect(module.answer).toBe(42);
    expect(await nativeImport("t.load.simple")).toBe(module);
  });

  it("runs under URLs that name the version, the module and the file, which stand in stack traces", async () => {
    const manifest = await mesh.publish("t.load.urls", EXAMPLE);
    const module = await mesh.loader().load<Example>("t.load.urls");
    const url = `mesh:${manifest.witnessHash}/t.load.urls/index.js`;
    expect(module.url).toBe(url);
    expect(module.boom).toThrow(
      expect.objectContaining({ stack: expect.stringContaining(`${url}:4:`) }),
    );
  });

  it("runs JavaScript, TypeScript, JSON and WebAssembly that import one another", async () => {
    await mesh.publish("t.load.formats", {
      "index.ts": [
        'import type { Missing } from "./types.js";',
        'import { two } from "./sub/two.mjs";',
        'import three from "./three.mts";',
        'import data from "./data.json" with { type: "json" };',
        'import { add } from "./add.wasm";',
        "const sum: number = add(two, three) + data.four;",
        "export default sum as number satisfies number;",
      ].join("\n"),
      "sub/two.mjs": 'import one from "../one.ts"; export const two = one + 1;',
      "one.ts": "const one: number = 1; export default one;",
      "three.mts": "export default 3 as number;",
      "data.json": '{ "four": 4 }',
      "add.wasm": ADD_WASM,
    });
    expect((await mesh.loader().load("t.load.formats"))["default"]).toBe(9);
  });

  it("runs files whose names URLs must escape", async () => {
    await mesh.publish("t.load.names", {
      "index.js": 'export * from "./a%20b/%C3%A9%23%3F%25.js"; export * from "./😀.js";',
      "a b/é#?%.js": "export const escaped = import.meta.url;",
      "😀.js": 'export const emoji = "😀";',
    });
    const module = await mesh.loader().load("t.load.names");
    expect(module["emoji"]).toBe("😀");
    expect(module["escaped"]).toMatch(/\/t\.load\.names\/a%20b\/%C3%A9%23%3F%25\.js$/);
  });

  it("begins where package.json says", async () => {
    await mesh.publish("t.load.entry", {
      "package.json": '{"exports":{".":{"require":"./no.cjs","import":"./src/main.mjs"}}}',
      "src/main.mjs": "export const main = true;",
    });
    expect(await mesh.loader().load("t.load.entry")).toMatchObject({ main: true });
  });

  it("may be data alone", async () => {
    await mesh.publish("t.load.data", {
      "package.json": '{"main":"./data.json"}',
      "data.json": '{ "__proto__": 1, "four": 4 }',
    });
    expect((await mesh.loader().load("t.load.data"))["default"]).toHaveProperty("four", 4);
  });

  it("waits for top-level await, and for no longer than the caller does", async () => {
    await mesh.publish("t.load.tla", {
      "index.js": "export const value = await new Promise((done) => setTimeout(done, 5, 7));",
    });
    await mesh.publish("t.load.endless", { "index.js": "await new Promise(() => {});" });
    expect((await mesh.loader().load("t.load.tla"))["value"]).toBe(7);
    const reason = new Error("enough");
    const controller = new AbortController();
    const loading = mesh.loader().load("t.load.endless", { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    await expect(loading).rejects.toBe(reason);
    await expect(
      mesh.loader().load("t.load.tla", { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
  });

  it("gives equal loaders one instance, and loaders of other policies their own", async () => {
    await mesh.publish("t.load.shared", { "index.js": "export const state = { count: 0 };" });
    const one = await meshLoader.loadFromMesh("t.load.shared", mesh.options);
    const two = await meshLoader.loadFromMesh("t.load.shared", mesh.options);
    expect(two).toBe(one);
    const other = await meshLoader.loadFromMesh("t.load.shared", {
      ...mesh.options,
      allow: ["node:path"],
    });
    expect(other["state"]).not.toBe(one["state"]);
  });

  it("does not disturb other imports, nor require", async () => {
    await mesh.publish("t.load.quiet", EXAMPLE);
    await mesh.loader().load("t.load.quiet");
    expect(await nativeImport("node:path")).toHaveProperty("join");
    expect(nativeRequire("node:fs")).toHaveProperty("readFileSync");
    await expect(nativeImport("t.load.never_loaded")).rejects.toThrow(/t\.load\.never_loaded/);
    await expect(nativeImport(`mesh:${"0".repeat(64)}/a/b.js`)).rejects.toThrow();
    expect(() => nativeRequire("t.load.quiet")).toThrow(
      expect.objectContaining(refusal("REQUIRE")),
    );
  });

  it("takes names that objects have of their own", async () => {
    for (const name of ["__proto__", "constructor", "toString"]) {
      await mesh.publish(name, { "index.js": `export const name = ${JSON.stringify(name)};` });
      expect(await mesh.loader().load(name)).toMatchObject({ name });
    }
  });
});

describe("what is known of a loaded module", () => {
  it("is its manifest, its report, its age and the bytes of its files", async () => {
    const manifest = await mesh.publish("t.known.files", EXAMPLE, { signed: true });
    const loader = mesh.loader({ federationPublicKeys: trustedKeys });
    expect(loader.loaded("t.known.files")).toBeUndefined();
    const loaded = await loader.open<Example>("t.known.files");
    expect(loaded.module.answer).toBe(42);
    expect(loaded.witnessHash).toBe(manifest.witnessHash);
    expect(loaded.manifest.toJson()).toBe(manifest.toJson());
    expect(loaded.report).toMatchObject({ ok: true, level: "signed" });
    expect(loaded.report.checks).toContainEqual({ name: "artifacts", status: "passed" });
    expect(loaded.ageSeconds).toBeGreaterThan(80_000);
    expect(loaded.paths).toEqual([
      "data.bin",
      "index.js",
      "lib/k.js",
      "lib/late.js",
      "package.json",
    ]);
    expect([...loaded.artifact("data.bin")]).toEqual([1, 2, 3]);
    expect([...loaded.artifact("t/known/files/data.bin")]).toEqual([1, 2, 3]);
    expect(() => loaded.artifact("none")).toThrow(
      expect.objectContaining(refusal("NO_SUCH_ARTIFACT")),
    );
    expect(() => loaded.artifact("../manifest.json")).toThrow(
      expect.objectContaining(refusal("NO_SUCH_ARTIFACT")),
    );
    expect(loader.loaded("t.known.files")?.module).toBe(loaded.module);
  });

  it("cannot be used to change what will be executed", async () => {
    await mesh.publish("t.known.copy", EXAMPLE);
    const loaded = await mesh.loader().open<Example>("t.known.copy");
    loaded.artifact("lib/late.js").fill(0x20);
    expect(await loaded.module.later("./lib/late.js")).toMatchObject({ late: "version one" });
  });

  it("says that a module without keys is unsigned", async () => {
    await mesh.publish("t.known.unsigned", EXAMPLE);
    const { report } = await mesh.loader().open("t.known.unsigned");
    expect(report).toMatchObject({ ok: true, level: "facets" });
    expect(report.summary).toContain("unsigned");
  });
});

describe("a new version", () => {
  const second = {
    ...EXAMPLE,
    "lib/k.js": "export const k = 1041;",
    "lib/late.js": 'export const late = "version two";',
  };

  it("is what load returns and import finds, while holders of the old one keep all of it", async () => {
    await mesh.publish("t.new.version", EXAMPLE);
    const loader = mesh.loader();
    const old = await loader.load<Example>("t.new.version");
    await mesh.publish("t.new.version", second);
    expect(await nativeImport("t.new.version")).toBe(old);
    const now = await loader.load<Example>("t.new.version");
    expect(now.answer).toBe(1042);
    expect(await nativeImport("t.new.version")).toBe(now);
    expect(old.answer).toBe(42);
    expect(old.boom).toThrow("boom");
    expect(await old.later("./lib/late.js")).toMatchObject({ late: "version one" });
    expect(await now.later("./lib/late.js")).toMatchObject({ late: "version two" });
  });

  it("is the same instance when nothing changed", async () => {
    await mesh.publish("t.new.same", EXAMPLE);
    const loader = mesh.loader();
    expect(await loader.load("t.new.same")).toBe(await loader.load("t.new.same"));
    expect(await loader.reload()).toEqual([]);
  });

  it("is found by reload, for each module that has one, also when another is refused", async () => {
    await mesh.publish("t.new.a", EXAMPLE);
    await mesh.publish("t.new.b", EXAMPLE);
    const loader = mesh.loader();
    await loader.load("t.new.a");
    await loader.load("t.new.b");
    await mesh.publish("t.new.b", second);
    expect((await loader.reload()).map(({ name }) => name)).toEqual(["t.new.b"]);

    await mesh.place("t.new.a", "no manifest", {});
    await mesh.publish("t.new.b", { ...second, "lib/k.js": "export const k = 2041;" });
    await expect(loader.reload()).rejects.toMatchObject(refusal("MANIFEST_INVALID"));
    expect(loader.loaded("t.new.b")?.module).toMatchObject({ answer: 2042 });
    expect(loader.loaded("t.new.a")?.module).toMatchObject({ answer: 42 });
  });

  it("does not take the place of the old one when it cannot be loaded", async () => {
    await mesh.publish("t.new.broken", EXAMPLE);
    const loader = mesh.loader();
    const old = await loader.load("t.new.broken");
    await mesh.publish("t.new.broken", { "index.js": 'throw new Error("not today");' });
    await expect(loader.load("t.new.broken")).rejects.toThrow("not today");
    expect(await nativeImport("t.new.broken")).toBe(old);
    expect(loader.loaded("t.new.broken")?.module).toBe(old);
  });

  it("can be tried again after its import failed", async () => {
    await mesh.publish("t.new.retry", {
      "index.js": 'import { ready } from "t.new.dependency"; export const ok = ready;',
    });
    const loader = mesh.loader();
    await expect(loader.load("t.new.retry")).rejects.toMatchObject(refusal("IMPORT_DENIED"));
    await mesh.publish("t.new.dependency", {
      "index.js": 'if (globalThis.notYet) throw new Error("not yet"); export const ready = true;',
    });
    Object.assign(globalThis, { notYet: true });
    await expect(loader.load("t.new.retry")).rejects.toThrow("not yet");
    Object.assign(globalThis, { notYet: false });
    expect(await loader.load("t.new.retry")).toMatchObject({ ok: true });
  });
});

describe("several loads at once", () => {
  it("give one instance, and do not disturb one another when one fails", async () => {
    await mesh.publish("t.once.shared", { "index.js": "export const shared = {};" });
    await mesh.publish("t.once.good", {
      "index.js": 'export { shared } from "t.once.shared"; await 0; export const good = true;',
    });
    await mesh.publish("t.once.bad", {
      "index.js": 'import "t.once.shared"; import "t.once.absent";',
    });
    const loader = mesh.loader();
    const [one, bad, two] = await Promise.allSettled([
      loader.load("t.once.good"),
      loader.load("t.once.bad"),
      loader.load("t.once.good"),
    ]);
    expect(bad).toMatchObject({ status: "rejected", reason: refusal("IMPORT_DENIED") });
    const again = await loader.load("t.once.good");
    expect(again).toMatchObject({ good: true });
    for (const settled of [one, two]) {
      expect(settled.status === "fulfilled" && settled.value === again).toBe(true);
    }
  });
});

describe("unloading a module", () => {
  it("takes its name and its bytes; what was imported goes on working", async () => {
    await mesh.publish("t.unload.it", EXAMPLE);
    const loader = mesh.loader();
    const loaded = await loader.open<Example>("t.unload.it");
    await loaded.module.later("./lib/k.js");
    expect(loader.unload("t.unload.it")).toBe(true);
    expect(loader.unload("t.unload.it")).toBe(false);
    expect(loader.loaded("t.unload.it")).toBeUndefined();
    await expect(nativeImport("t.unload.it")).rejects.toThrow(/t\.unload\.it/);
    expect(loaded.module.answer).toBe(42);
    expect(await loaded.module.later("./lib/k.js")).toMatchObject({ k: 41 });
    await expect(loaded.module.later("./lib/late.js")).rejects.toMatchObject(refusal("UNLOADED"));
    await expect(loaded.module.later("node:fs")).rejects.toMatchObject(refusal("IMPORT_DENIED"));
    expect(() => loaded.artifact("data.bin")).toThrow(expect.objectContaining(refusal("UNLOADED")));
  });

  it("does not take it from another loader, and it can be loaded anew", async () => {
    await mesh.publish("t.unload.shared", EXAMPLE);
    const one = mesh.loader();
    const two = mesh.loader();
    const module = await one.load<Example>("t.unload.shared");
    await two.load("t.unload.shared");
    one.unload("t.unload.shared");
    expect(await module.later("./lib/late.js")).toMatchObject({ late: "version one" });
    expect(await nativeImport("t.unload.shared")).toBe(module);
    two.unload("t.unload.shared");
    expect(await one.load<Example>("t.unload.shared")).not.toBe(module);
  });
});
