import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as kernel from "@gaiaftcl/config/wasm-kernel";

const directory = import.meta.dirname;

/** The hash is compiled in from the sources of @gaiaftcl/xxh3: its memory is this one. */
export function compileKernel() {
  return kernel.compileKernel({
    entry: "kernel",
    directories: [directory, join(directory, "..", "..", "xxh3", "assembly")],
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await kernel.writeKernel(directory, await compileKernel());
}
