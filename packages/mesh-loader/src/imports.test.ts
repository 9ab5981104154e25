import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MeshLoaderOptions } from "./index.js";
import { refusal, TestMesh, writeFiles } from "./mesh.testing.js";
import { nativeImport } from "./native.testing.js";

let mesh: TestMesh;
let tests = 0;
let name = "";
beforeEach(async () => {
  tests += 1;
  name = `t.imports.m${tests}`;
  mesh = await TestMesh.create();
});
afterEach(async () => {
  await mesh[Symbol.asyncDispose]();
});

const load = (options: MeshLoaderOptions = {}): Promise<Readonly<Record<string, unknown>>> =>
  mesh.loader(options).load(name);

/** What an attacker who may sign nothing but text would try to run. */
const FORBIDDEN: readonly (readonly [string, string])[] = [
  ["a built-in", "node:fs"],
  ["a built-in by its short name", "fs"],
  ["a built-in's subpath", "fs/promises"],
  ["the module system itself", "node:module"],
  ["a worker", "node:worker_threads"],
  ["a package of the host", "vitest"],
  ["a package of the host that looks like a mesh module", "typescript"],
  ["a scoped package", "@gaiaftcl/witness"],
  ["an absolute path", "/etc/hostname"],
  ["a data: URL", "data:text/javascript,export default 1"],
  ["a data: URL in capitals", "DATA:text/javascript,export default 1"],
  ["a file: URL", pathToFileURL(join(import.meta.dirname, "index.ts")).href],
  ["an http: URL", "http://127.0.0.1:9/x.js"],
  ["an https: URL", "https://127.0.0.1:9/x.js"],
  ["a blob: URL", "blob:nodedata:00000000"],
  ["a private import", "#engine"],
  ["a mesh: URL of something else", `mesh:${"0".repeat(64)}/t.other/index.js`],
];

describe("a mesh module may not import", () => {
  it.each(FORBIDDEN)("%s: %s", async (_, specifier) => {
    const quoted = JSON.stringify(specifier);
    const forms: Readonly<Record<string, string>> = {
      static: `import ${quoted};`,
      binding: `import * as all from ${quoted}; export { all };`,
      export: `export * from ${quoted};`,
      attributes: `import all from ${quoted} with { type: "json" }; export { all };`,
      dynamic: `await import(${quoted});`,
      computed: `await import([...${quoted}].join(""));`,
      directEval: `await eval(${JSON.stringify(`import(${quoted})`)});`,
      // V8 attributes a text that was compiled before to whoever compiled it first.
      indirectEval: `await (0, eval)(${JSON.stringify(`/* ${name} */ import(${quoted})`)});`,
      functionBody: `await new Function("specifier", "/* ${name} */ return import(specifier)")(${quoted});`,
      resolve: `import.meta.resolve(${quoted});`,
    };
    for (const [form, source] of Object.entries(forms)) {
      const module = `${name}.${form}`;
      await mesh.publish(module, { "index.js": source });
      await expect(mesh.loader().load(module), form).rejects.toMatchObject(
        refusal("IMPORT_DENIED"),
      );
    }
  });

  it("anything later, either", async () => {
    await mesh.publish(name, {
      "index.js": "export const later = (specifier) => import(specifier);",
    });
    const { later } = (await load()) as { later: (specifier: string) => Promise<unknown> };
    for (const [, specifier] of FORBIDDEN) {
      await expect(later(specifier)).rejects.toMatchObject(refusal("IMPORT_DENIED"));
    }
  });

  it("what is beside its own files", async () => {
    await mesh.publish(`${name}.other`, {
      "index.js": "",
      "secret.js": "export const secret = 1;",
    });
    for (const [index, specifier] of [
      "../index.js",
      "./../index.js",
      "./%2e%2e/index.js",
      `../${name}.other/artifacts/secret.js`,
      "../../../../../../../../etc/hostname",
    ].entries()) {
      const module = `${name}.escape${index}`;
      await mesh.publish(module, { "index.js": `import ${JSON.stringify(specifier)};` });
      await expect(mesh.loader().load(module)).rejects.toMatchObject(refusal("IMPORT_ESCAPES"));
    }
  });

  it("files that are not signed, though they are in the cache, nor guess at extensions", async () => {
    for (const [index, specifier] of [
      "./extra.js",
      "./k",
      "./lib",
      "./lib/",
      "./K.js",
      "./k.js/",
    ].entries()) {
      const module = `${name}.absent${index}`;
      await mesh.publish(module, {
        "index.js": `import ${JSON.stringify(specifier)};`,
        "k.js": "",
        "lib/index.js": "",
      });
      await writeFiles(mesh.at(module, "artifacts"), { "extra.js": "" });
      await expect(mesh.loader().load(module)).rejects.toMatchObject(refusal("IMPORT_NOT_FOUND"));
    }
  });

  it("CommonJS, or a file that is no module", async () => {
    const files = { "a.cjs": "module.exports = 1;", "a.txt": "text", "a.node": "\0" };
    for (const [index, path] of Object.keys(files).entries()) {
      const module = `${name}.format${index}`;
      await mesh.publish(module, { ...files, "index.js": `import "./${path}";` });
      await expect(mesh.loader().load(module)).rejects.toMatchObject(refusal("FORMAT"));
    }
    await mesh.publish(`${name}.commonjs`, {
      "package.json": '{"type":"commonjs"}',
      "index.js": "module.exports = 1;",
    });
    await expect(mesh.loader().load(`${name}.commonjs`)).rejects.toMatchObject(refusal("FORMAT"));
  });

  it("code as data, so that what is imported as data never runs", async () => {
    for (const [index, type] of ["json", "text", "bytes", "css"].entries()) {
      const module = `${name}.type${index}`;
      const attributes = JSON.stringify({ with: { type } });
      await mesh.publish(module, {
        "index.js": `export const later = () => import("./code.js", ${attributes});`,
        "code.js": "globalThis.meshCodeRan = true;",
      });
      const { later } = await mesh.loader().load<{ later: () => Promise<unknown> }>(module);
      await expect(later()).rejects.toMatchObject(refusal("IMPORT_ATTRIBUTE"));
    }
    expect(globalThis).not.toHaveProperty("meshCodeRan");
  });

  it("anything from WebAssembly that JavaScript could not", async () => {
    // (module (import "node:fs" "existsSync" (func)))
    const wasm = Buffer.concat([
      Buffer.from("0061736d01000000010401600000", "hex"),
      Buffer.from("02160107", "hex"),
      Buffer.from("node:fs"),
      Buffer.from([10]),
      Buffer.from("existsSync"),
      Buffer.from("0000", "hex"),
    ]);
    await mesh.publish(name, { "index.js": 'import "./x.wasm";', "x.wasm": wasm });
    await expect(load()).rejects.toMatchObject(refusal("IMPORT_DENIED"));
    expect((await mesh.loader().explain(name)).imports).toContainEqual(
      expect.objectContaining({ from: "x.wasm", specifier: "node:fs", allowed: false }),
    );
  });
});

describe("what the caller allows", () => {
  it("may be imported: built-ins by either name, and packages of the host by their exact name", async () => {
    await writeFiles(join(mesh.directory, "host", "node_modules", "helper"), {
      "package.json":
        '{"name":"helper","type":"module","exports":{".":"./index.js","./sub":"./sub.js"}}',
      "index.js": 'import { sep } from "node:path"; export const helped = sep.length;',
      "sub.js": "export const sub = 2;",
    });
    await mesh.publish(name, {
      "index.js": [
        'import { posix } from "path";',
        'import { helped } from "helper";',
        "export const joined = posix.join('a', 'b');",
        "export { helped };",
        "export const later = (specifier) => import(specifier);",
      ].join("\n"),
    });
    const hostBase = join(mesh.directory, "host");
    const module = (await load({ allow: ["node:path", "helper"], hostBase })) as {
      joined: string;
      helped: number;
      later: (specifier: string) => Promise<unknown>;
    };
    expect(module).toMatchObject({ joined: "a/b", helped: 1 });
    await expect(module.later("helper/sub")).rejects.toMatchObject(refusal("IMPORT_DENIED"));
    await expect(module.later("fs")).rejects.toMatchObject(refusal("IMPORT_DENIED"));
    await expect(load({ allow: ["node:path"], hostBase })).rejects.toMatchObject(
      refusal("IMPORT_DENIED"),
    );

    const all = (await load({ allow: ["path", "helper", "helper/*"], hostBase })) as typeof module;
    expect(await all.later("helper/sub")).toMatchObject({ sub: 2 });
  });
});

describe("other mesh modules", () => {
  it("are imported by their names, verified by the same loader, and not shown to the host", async () => {
    await mesh.publish(`${name}.base`, { "index.js": "export const base = 40;" });
    await mesh.publish(name, {
      "index.js": `import { base } from "${name}.base"; export const sum = base + 2;`,
    });
    expect(await load()).toMatchObject({ sum: 42 });
    await expect(nativeImport(`${name}.base`)).rejects.toThrow(`${name}.base`);
  });

  it("are refused for the same reasons as a module that is loaded", async () => {
    await mesh.publish(`${name}.base`, { "index.js": "export const base = 40;" });
    await mesh.publish(name, { "index.js": `import "${name}.base";` });
    await writeFiles(mesh.at(`${name}.base`, "artifacts"), {
      "index.js": "export const base = 66;",
    });
    await expect(load()).rejects.toMatchObject(refusal("ARTIFACT_MISMATCH"));
    await expect(load({ lock: {} })).rejects.toMatchObject(refusal("NOT_LOCKED"));
  });

  it("may import one another in a circle", async () => {
    await mesh.publish(`${name}.a`, {
      "index.js": `import { b } from "${name}.b"; export const a = () => "a"; export const both = () => a() + b();`,
    });
    await mesh.publish(`${name}.b`, {
      "index.js": `import { a } from "${name}.a"; export const b = () => "b" + a();`,
    });
    const { both } = (await mesh.loader().load(`${name}.a`)) as { both: () => string };
    expect(both()).toBe("aba");
  });

  it("are the newest when a new version imports them, while the old one keeps the old", async () => {
    const loader = mesh.loader();
    const publishBoth = async (version: number): Promise<void> => {
      await mesh.publish(`${name}.base`, { "index.js": `export const base = ${version};` });
      await mesh.publish(name, {
        "index.js": `export { base } from "${name}.base"; export const own = ${version};`,
      });
    };
    await publishBoth(1);
    const old = await loader.load(name);
    await publishBoth(2);
    expect(await loader.load(name)).toMatchObject({ own: 2, base: 2 });
    expect(old).toMatchObject({ own: 1, base: 1 });
  });

  it("are of the same cell and domain, unless the caller allows others", async () => {
    for (const [index, foreign] of [{ domainId: "elsewhere" }, { cellId: "elsewhere" }].entries()) {
      const base = `${name}.base${index}`;
      const user = `${name}.user${index}`;
      await mesh.publish(base, { "index.js": "export const base = 1;" }, foreign);
      await mesh.publish(user, { "index.js": `export { base } from "${base}";` });
      await expect(mesh.loader().load(user)).rejects.toMatchObject(refusal("MIXED_ORIGIN"));
      expect(await mesh.loader({ allowMixedOrigin: true }).load(user)).toMatchObject({ base: 1 });
    }
  });

  it("are held to that again when they are already loaded", async () => {
    await mesh.publish(
      `${name}.base`,
      { "index.js": "export const base = 1;" },
      { domainId: "elsewhere" },
    );
    await mesh.publish(name, { "index.js": `export { base } from "${name}.base";` });
    const loader = mesh.loader();
    await loader.load(`${name}.base`);
    await expect(loader.load(name)).rejects.toMatchObject(refusal("MIXED_ORIGIN"));
  });

  it("include the module itself, in the version that asks", async () => {
    await mesh.publish(name, {
      "index.js": [
        "export const version = 1;",
        `export const self = () => import("${name}");`,
        'export const byUrl = () => import(import.meta.resolve("./other.js"));',
      ].join("\n"),
      "other.js": "export const other = true;",
    });
    const loader = mesh.loader();
    const old = (await loader.load(name)) as Record<"self" | "byUrl", () => Promise<unknown>>;
    await mesh.publish(name, { "index.js": "export const version = 2;" });
    await loader.load(name);
    expect(await old.self()).toBe(old);
    expect(await old.byUrl()).toMatchObject({ other: true });
  });
});
