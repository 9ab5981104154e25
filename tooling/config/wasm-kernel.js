import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import asc from "assemblyscript/asc";

/**
 * Compiles a package's AssemblyScript kernel to the text of its `src/kernel-module.ts`: the
 * WebAssembly binary in base64. That file is checked in, so that neither the package's users nor the
 * other packages need a compiler; a test sees that it is what the sources compile to.
 *
 * The sources end in `.as`, since they are no TypeScript; the compiler knows only `.ts`.
 *
 * @param {{ entry: string, directories: readonly string[] }} options the entry without its ending, and
 *   where sources are looked for, in this order
 * @returns {Promise<string>}
 */
export async function compileKernel({ entry, directories }) {
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
      readFile: (name) => readSource(name.replace(/\.ts$/, ".as"), directories),
      writeFile: (name, contents) => files.set(name, contents),
    },
  );
  const binary = files.get("kernel.wasm");
  if (error !== null || binary === undefined) throw new Error(stderr.toString());
  return [
    "// Generated from the AssemblyScript sources by `pnpm run build:kernel`.",
    "",
    "/** The kernel's WebAssembly binary, in base64. */",
    "export const KERNEL_MODULE =",
    `  "${Buffer.from(binary).toString("base64")}";`,
    "",
  ].join("\n");
}

/**
 * Writes the compiled kernel to `src/kernel-module.ts` beside `directory`.
 *
 * @param {string} directory the package's `assembly`
 * @param {string} module the text of the module
 */
export async function writeKernel(directory, module) {
  await writeFile(join(directory, "..", "src", "kernel-module.ts"), module);
}

/**
 * @param {string} name
 * @param {readonly string[]} directories
 */
async function readSource(name, directories) {
  for (const directory of directories) {
    const text = await readFile(join(directory, name), "utf8").catch(() => null);
    if (text !== null) return text;
  }
  return null;
}
