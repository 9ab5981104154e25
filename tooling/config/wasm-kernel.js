import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import asc from "assemblyscript/asc";

/**
 * Compiles a package's AssemblyScript kernel, `assembly/kernel.as`, to its `src/kernel-module.ts`: the
 * WebAssembly binary in base64, and what instantiates it. That file is checked in, so that neither the
 * package's users nor the other packages need a compiler; a test sees that it is what the sources
 * compile to.
 *
 * The sources end in `.as`, since they are no TypeScript; the compiler knows only `.ts`. A source that
 * the package does not have is taken from @gaiaftcl/xxh3, whose hash then works in the kernel's memory.
 *
 * @param {string} packageDirectory
 * @returns {Promise<{ file: string, text: string }>} where the module stands, and its text
 */
export async function compileKernel(packageDirectory) {
  const binary = await compileBinary(packageDirectory, "kernel");
  return {
    file: join(packageDirectory, "src", "kernel-module.ts"),
    text: moduleText(Buffer.from(binary).toString("base64")),
  };
}

/**
 * Compiles another entry of a package's kernel, such as one for tests, which reach parts of it that the
 * kernel itself does not export.
 *
 * @param {string} packageDirectory
 * @param {string} entry a file of its `assembly`, without ending
 * @returns {Promise<Uint8Array<ArrayBuffer>>} the WebAssembly binary
 */
export async function compileBinary(packageDirectory, entry) {
  const files = new Map();
  const { error, stderr } = await asc.main(
    [
      `${entry}.ts`,
      "--outFile",
      "kernel.wasm",
      "-O3",
      "--runtime",
      "stub",
      "--noAssert",
      "--enable",
      "simd,bulk-memory",
      "--initialMemory",
      "1",
    ],
    {
      readFile: (name) => readSource(name.replace(/\.ts$/, ".as"), packageDirectory),
      writeFile: (name, contents) => files.set(name, contents),
    },
  );
  const binary = files.get("kernel.wasm");
  if (error !== null || binary === undefined) throw new Error(stderr.toString());
  return binary;
}

/** @param {string} binary the kernel in base64 */
function moduleText(binary) {
  return `// Generated from the AssemblyScript sources by \`pnpm run build:kernel\`.

import { kernelLoader } from "@gaiaftcl/config/kernel-loader";

/** Growing it, by pages of 64 KiB, replaces the buffer. */
export type KernelMemory = { readonly buffer: ArrayBuffer; grow(pages: number): number };

/** The exports of a new instance of the kernel, with a memory of its own of \`bytes\` or more. */
export const instantiateKernel: <Exports extends { readonly memory: KernelMemory }>(
  bytes?: number,
) => Exports = /* @__PURE__ */ kernelLoader(
  "${binary}",
);
`;
}

/**
 * @param {string} name
 * @param {string} packageDirectory
 * @returns {Promise<string | null>}
 */
async function readSource(name, packageDirectory) {
  const own = await readFile(join(packageDirectory, "assembly", name), "utf8").catch(() => null);
  if (own !== null || name !== "xxh3.as") return own;
  const { resolve } = createRequire(join(packageDirectory, "package.json"));
  return readFile(join(dirname(resolve("@gaiaftcl/xxh3/package.json")), "assembly", name), "utf8");
}
