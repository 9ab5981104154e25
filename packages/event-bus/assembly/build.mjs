import { fileURLToPath } from "node:url";
import * as kernel from "@gaiaftcl/config/wasm-kernel";

const directory = import.meta.dirname;

export function compileKernel() {
  return kernel.compileKernel({ entry: "kernel", directories: [directory] });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await kernel.writeKernel(directory, await compileKernel());
}
