import { existsSync, readFileSync } from "node:fs";
import { registerHooks, stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { instrument } from "./instrument.ts";

const root = join(import.meta.dirname, "..", "..", "..", "..");
const probe = pathToFileURL(join(import.meta.dirname, "probe.ts")).href;
const packages = pathToFileURL(join(root, "packages")).href;
const SOURCE = /\/packages\/[^/]+\/src\/.*\.ts$/u;

let blocks = 0;

/** How many blocks the modules loaded so far have. */
export function blockCount(): number {
  return blocks;
}

/** From now on this thread's imports of our packages are of their sources: nothing is built for a run. */
export function readSources(): void {
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const { parentURL = "" } = context;
      if (specifier.startsWith(".") && specifier.endsWith(".js") && SOURCE.test(parentURL)) {
        return nextResolve(specifier.replace(/\.js$/u, ".ts"), context);
      }
      const resolved = nextResolve(specifier, context);
      const url = resolved.url.replace(/\/dist\/(.*)\.js$/u, "/src/$1.ts");
      const isOurs = resolved.url.startsWith(packages) && url !== resolved.url;
      if (!isOurs || !existsSync(fileURLToPath(url))) return resolved;
      return { url, format: "module-typescript", shortCircuit: true };
    },
  });
}

/** The same, instrumented; a finding's stack names lines as they were written. */
export function instrumentSources(): void {
  readSources();
  registerHooks({
    load(url, context, nextLoad) {
      if (!url.startsWith(packages) || !SOURCE.test(url)) return nextLoad(url, context);
      const source = stripTypeScriptTypes(readFileSync(fileURLToPath(url), "utf8"));
      const instrumented = instrument(source, probe, () => blocks++);
      return { format: "module", source: instrumented, shortCircuit: true };
    },
  });
}
