import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { type Benchmark, type BenchmarkContext, compareDurations, median } from "./benchmark.ts";

const run = promisify(execFile);
const NAME = "bench.hundred_files";

/** Publishes the module, signed and cosigned, and prints the keys to verify it with. */
const PUBLISH = `
import { writeFile } from "node:fs/promises";
import { ManifestSigner } from "@gaiaftcl/manifest";
import { publish } from "@gaiaftcl/mesh-loader";
import { CONTEXTS } from "@gaiaftcl/witness";
import { generateKeyPair, publicKeyToHex } from "@gaiaftcl/witness/ed25519";
const [source, cacheRoot, name] = process.argv.slice(1);
const holders = CONTEXTS.map((context) => [context, generateKeyPair()]);
const signer = new ManifestSigner({
  cellId: "bench",
  domainId: "bench",
  keys: holders.map(([context, { privateKey }]) => [context, privateKey]),
});
await publish(source, name, { cacheRoot, signer });
const keys = holders.map(([context, { publicKey }]) => [context, publicKeyToHex(publicKey)]);
console.log(JSON.stringify(Object.fromEntries(keys)));
`;

/** Verifies and loads it in a process that has imported the loader; prints how long each took. */
const LOAD = `
const imported = performance.now();
const { loadFromMesh } = await import("@gaiaftcl/mesh-loader");
const [cacheRoot, name, keys, trustStore] = process.argv.slice(1);
const federationPublicKeys = JSON.parse(keys);
const start = performance.now();
const module = await loadFromMesh(name, { cacheRoot, federationPublicKeys, trustStore });
const end = performance.now();
if (module.total() !== 4950) throw new Error("the module did not run");
console.log(JSON.stringify({ load: end - start, package: start - imported }));
`;

const IMPORT = `
const [entry] = process.argv.slice(1);
const start = performance.now();
const module = await import(entry);
const end = performance.now();
if (module.total() !== 4950) throw new Error("the module did not run");
console.log(JSON.stringify({ load: end - start }));
`;

/** A module of 100 files of about 4 kB, ten directories of ten, each imported by the entry. */
async function makeModule(directory: string): Promise<void> {
  const padding = Array.from(
    { length: 60 },
    (_, line) => `export function helper${line}(x) { return x * ${line} + ${line * 3}; }`,
  ).join("\n");
  const imports: string[] = [];
  for (let index = 0; index < 99; index += 1) {
    const path = `part${index % 10}/file${index}.js`;
    await mkdir(join(directory, `part${index % 10}`), { recursive: true });
    await writeFile(join(directory, path), `export const value = ${index};\n${padding}\n`);
    imports.push(`import { value as v${index} } from "./${path}";`);
  }
  const sum = Array.from({ length: 99 }, (_, index) => `v${index}`).join(" + ");
  const entry = `${imports.join("\n")}\nexport const total = () => ${sum} + 99;\n`;
  await writeFile(join(directory, "index.js"), entry);
  await writeFile(join(directory, "package.json"), '{"type":"module"}');
}

async function inFreshProcess(source: string, ...args: string[]): Promise<Record<string, number>> {
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", source, ...args], {
    cwd: import.meta.dirname,
  });
  return JSON.parse(stdout);
}

export const benchmarks: Benchmark[] = [
  {
    name: "a module of 100 files in a fresh process",
    async run({ directory, quick }: BenchmarkContext) {
      const source = join(directory, "source");
      const cacheRoot = join(directory, "cache");
      const trustStore = join(directory, "trust.sqlite");
      await makeModule(source);
      const keys = JSON.stringify(await inFreshProcess(PUBLISH, source, cacheRoot, NAME));
      const entry = pathToFileURL(join(source, "index.js")).href;
      const ours: number[] = [];
      const theirs: number[] = [];
      const packages: number[] = [];
      for (let round = 0; round < (quick ? 3 : 25); round += 1) {
        const loaded = await inFreshProcess(LOAD, cacheRoot, NAME, keys, trustStore);
        ours.push(loaded["load"] ?? Number.NaN);
        packages.push(loaded["package"] ?? Number.NaN);
        theirs.push((await inFreshProcess(IMPORT, entry))["load"] ?? Number.NaN);
      }
      return {
        comparisons: [
          compareDurations(
            "loadFromMesh, signed by five keys, first load of the process",
            "import of the same files from disk, unverified",
            median(ours),
            median(theirs),
            { target: 1 / 1.5 },
          ),
        ],
        figures: [
          { name: "import of @gaiaftcl/mesh-loader itself", value: median(packages), unit: "ms" },
        ],
      };
    },
  },
];
