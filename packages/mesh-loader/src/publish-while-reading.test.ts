import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ChildScript, runScript } from "./child-script.testing.js";
import { TestMesh } from "./mesh.testing.js";

/** Publishes version after version, each a second younger, until it is told the last one. */
const PUBLISHER = `
  import { mkdirSync, writeFileSync } from "node:fs";
  import { ManifestSigner } from "@gaiaftcl/manifest";
  import { publish } from "@gaiaftcl/mesh-loader";
  const [cacheRoot, source, name, from, to] = process.argv.slice(1);
  mkdirSync(source + "/lib", { recursive: true });
  for (let version = Number(from); version <= Number(to); version += 1) {
    for (const part of ["a", "b", "lib/c"]) {
      writeFileSync(source + "/" + part + ".js", "export const version = " + version + ";".repeat(version % 50));
    }
    writeFileSync(source + "/index.js", [
      'import { version as a } from "./a.js"; import { version as b } from "./b.js";',
      'import { version as c } from "./lib/c.js"; export const versions = [a, b, c, ' + version + '];',
    ].join("\\n"));
    const clock = () => new Date(Date.UTC(2026, 0, 1) + version * 1000);
    const signer = new ManifestSigner({ cellId: "c", domainId: "d", clock });
    await publish(source, name, { cacheRoot, signer });
    console.log(version);
  }`;

/** Loads again and again until the last version is there; prints how often, and how many it saw. */
const READER = `
  import { MeshLoader, MemoryTrustStore } from "@gaiaftcl/mesh-loader";
  const [cacheRoot, name, last] = process.argv.slice(1);
  const loader = new MeshLoader({ cacheRoot, trustStore: new MemoryTrustStore() });
  const seen = new Set();
  console.log("started");
  for (let loads = 1; ; loads += 1) {
    const { versions } = await loader.load(name);
    if (new Set(versions).size !== 1) throw new Error("a mixture: " + versions);
    seen.add(versions[0]);
    if (versions[0] === Number(last)) {
      console.log(JSON.stringify({ loads, seen: seen.size }));
      break;
    }
  }`;

let mesh: TestMesh;
beforeEach(async () => {
  mesh = await TestMesh.create();
});
afterEach(async () => {
  await mesh[Symbol.asyncDispose]();
});

function publisher(name: string, from: number, to: number): ChildScript {
  const source = `${mesh.directory}/source${from}`;
  return runScript(PUBLISHER, [mesh.cacheRoot, source, name, `${from}`, `${to}`]);
}

describe("while a module is published again and again", () => {
  it("readers in other processes see whole versions, one after another, and never fail", async () => {
    await publisher("t.stress", 1, 1).ended;
    const last = 60;
    const readers = [1, 2].map(() => runScript(READER, [mesh.cacheRoot, "t.stress", `${last}`]));
    await Promise.all(readers.map(({ started }) => started));
    await publisher("t.stress", 2, last).ended;
    for (const { ended } of readers) {
      const result: { loads: number; seen: number } = JSON.parse(
        (await ended).split("\n")[1] ?? "",
      );
      expect(result.loads).toBeGreaterThan(1);
      expect(result.seen).toBeGreaterThan(1);
    }
  }, 120_000);

  it("a publisher that is killed at any moment leaves a version that can be loaded", async () => {
    await publisher("t.killed", 1, 1).ended;
    const { MemoryTrustStore } = await import("./trust-store.js");
    let next = 2;
    for (let kill = 1; kill <= 6; kill += 1) {
      const { child, started } = publisher("t.killed", next, next + 10_000);
      let printed = "";
      child.stdout?.on("data", (text: string) => {
        printed += text;
      });
      await started;
      await new Promise((done) => setTimeout(done, kill * 7));
      child.kill("SIGKILL");
      await once(child, "close");
      const module = await mesh.loader({ trustStore: new MemoryTrustStore() }).load("t.killed");
      const versions = module["versions"] as readonly number[];
      expect(new Set(versions).size).toBe(1);
      const newest = Math.max(...versions);
      const acknowledged = Number(printed.trim().split("\n").at(-1));
      expect(newest).toBeGreaterThanOrEqual(acknowledged);
      next = newest + 1;
    }
    await publisher("t.killed", next, next).ended;
    expect(await mesh.loader().load("t.killed")).toMatchObject({
      versions: [next, next, next, next],
    });
  }, 120_000);
});
