// Compiles the kernel and writes it, as base64, to src/kernel-module.ts, which is checked in: a user
// of the package, and the other packages here, need no compiler. `compileKernel` is what the test
// uses to see that the file is what these sources compile to.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const directory = import.meta.dirname;

export async function compileKernel() {
  const files = new Map();
  const { error, stderr } = await asc.main(
    [
      "kernel.ts",
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
      // The source is AssemblyScript, not TypeScript, and says so by its extension; the compiler
      // knows only `.ts`.
      readFile: (name) =>
        readFile(join(directory, name.replace(/\.ts$/, ".as")), "utf8").catch(() => null),
      writeFile: (name, contents) => files.set(name, contents),
    },
  );
  const binary = files.get("kernel.wasm");
  if (error !== null || binary === undefined) throw new Error(stderr.toString());
  return [
    "// Generated from assembly/kernel.as by `pnpm run build:kernel`.",
    "",
    "/** The kernel's WebAssembly binary, in base64. */",
    "export const KERNEL_MODULE =",
    `  "${Buffer.from(binary).toString("base64")}";`,
    "",
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(join(directory, "..", "src", "kernel-module.ts"), await compileKernel());
}
