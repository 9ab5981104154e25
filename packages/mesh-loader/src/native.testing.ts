import { createRequire } from "node:module";
import { constants, Script } from "node:vm";

/**
 * The built packages, as Node itself loads them: what is tested is how this package works with Node's
 * module loader, which the test runner's own stands in front of.
 */
const require: NodeJS.Require = createRequire(import.meta.url);

export const meshLoader: typeof import("./index.js") = require("@gaiaftcl/mesh-loader");
export const manifests: typeof import("@gaiaftcl/manifest") = require("@gaiaftcl/manifest");
export const witness: typeof import("@gaiaftcl/witness") = require("@gaiaftcl/witness");
export const ed25519: typeof import("@gaiaftcl/witness/ed25519") = require("@gaiaftcl/witness/ed25519");

/** `import(specifier)` as any code of the process would do it. */
export const nativeImport: (specifier: string) => Promise<Record<string, unknown>> = new Script(
  "(specifier) => import(specifier)",
  { importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER },
).runInThisContext();

/** `require(specifier)` as any code of the process would do it. */
export const nativeRequire: (specifier: string) => unknown = require;
