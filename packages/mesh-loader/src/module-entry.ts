import { CanonicalJsonError, decode, type JsonValue } from "@gaiaftcl/canonical-json";
import { MeshLoaderError, quote } from "./mesh-loader-error.js";

/** How Node is told to read a file. */
export type ModuleFormat = "module" | "module-typescript" | "json" | "wasm";

/** What a module begins with, and how its files are read. */
export interface ModuleEntry {
  /** Path within the module. */
  readonly path: string;
  /** What `type` says of files that end in `.js` and `.ts`; ES modules when it says nothing. */
  readonly commonJs: boolean;
}

const PACKAGE_JSON = "package.json";
const DEFAULT_ENTRIES = ["index.js", "index.mjs", "index.ts"];
/** The conditions of Node for an import, in the order in which the file lists them. */
const CONDITIONS: ReadonlySet<string> = new Set(["node", "import", "module-sync", "default"]);

type JsonObject = { readonly [name: string]: JsonValue };

/**
 * Finds the entry of a module (cell format, section 4): what its signed `package.json` says in
 * `exports["."]` or else in `main`, otherwise `index.js`, `index.mjs` or `index.ts`.
 *
 * @throws MeshLoaderError `PACKAGE_JSON` or `ENTRY_MISSING`
 */
export function moduleEntry(name: string, files: ReadonlyMap<string, Uint8Array>): ModuleEntry {
  const packageJson = readPackageJson(name, files.get(PACKAGE_JSON));
  const commonJs = own(packageJson, "type") === "commonjs";
  const path = entryPath(name, files, packageJson);
  return { path, commonJs };
}

function entryPath(
  name: string,
  files: ReadonlyMap<string, Uint8Array>,
  packageJson: JsonObject,
): string {
  const exports = own(packageJson, "exports");
  if (exports !== undefined && exports !== null) {
    const target = exportTarget(rootExport(exports));
    if (target === undefined) {
      throw unusable(name, `exports["."] has no file for ${[...CONDITIONS].join(", ")}`);
    }
    if (!target.startsWith("./")) {
      throw unusable(name, `exports["."] must begin with ./, found ${quote(target)}`);
    }
    return ensureEntry(name, files, target.slice(2));
  }
  const main = own(packageJson, "main");
  if (typeof main === "string" && main !== "") {
    const path = main.replace(/^\.\//, "");
    const candidates = [path, `${path}.js`, `${path.replace(/\/$/, "")}/index.js`];
    const found = candidates.find((candidate) => files.has(candidate));
    return found ?? ensureEntry(name, files, path);
  }
  const found = DEFAULT_ENTRIES.find((candidate) => files.has(candidate));
  if (found !== undefined) return found;
  throw new MeshLoaderError(
    "ENTRY_MISSING",
    `${name} has neither ${DEFAULT_ENTRIES.join(" nor ")}, nor a package.json with exports or main: name the entry in one`,
  );
}

function ensureEntry(name: string, files: ReadonlyMap<string, Uint8Array>, path: string): string {
  if (files.has(path)) return path;
  throw new MeshLoaderError(
    "ENTRY_MISSING",
    `the package.json of ${name} begins with ${quote(path)}, which is not among its signed files`,
  );
}

/** What `exports` says of the module itself. */
function rootExport(exports: JsonValue): JsonValue | undefined {
  if (!isObject(exports)) return exports;
  const subpaths = Object.keys(exports).some((key) => key.startsWith("."));
  return subpaths ? own(exports, ".") : exports;
}

/** The first target that applies, in the order of the file, as Node resolves conditions. */
function exportTarget(value: JsonValue | undefined): string | undefined {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) {
    for (const item of value as readonly JsonValue[]) {
      const target = exportTarget(item);
      if (target !== undefined) return target;
    }
    return undefined;
  }
  if (value === undefined || !isObject(value)) return undefined;
  for (const [condition, target] of Object.entries(value)) {
    if (!CONDITIONS.has(condition)) continue;
    const found = exportTarget(target);
    if (found !== undefined) return found;
  }
  return undefined;
}

function readPackageJson(name: string, bytes: Uint8Array | undefined): JsonObject {
  if (bytes === undefined) return {};
  let value: JsonValue;
  try {
    value = decode(bytes);
  } catch (cause) {
    if (!(cause instanceof CanonicalJsonError)) throw cause;
    throw unusable(name, cause.message, cause);
  }
  if (isObject(value)) return value;
  throw unusable(name, "it is no object");
}

function unusable(name: string, reason: string, cause?: unknown): MeshLoaderError {
  return new MeshLoaderError(
    "PACKAGE_JSON",
    `the package.json of ${name} cannot be used: ${reason}`,
    cause === undefined ? undefined : { cause },
  );
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function own(object: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

const FORMATS: ReadonlyMap<string, ModuleFormat> = new Map([
  [".js", "module"],
  [".mjs", "module"],
  [".ts", "module-typescript"],
  [".mts", "module-typescript"],
  [".json", "json"],
  [".wasm", "wasm"],
]);

/**
 * How a file is read, by its extension.
 *
 * @throws MeshLoaderError `FORMAT` for what cannot be imported, CommonJS included
 */
export function moduleFormat(name: string, path: string, entry: ModuleEntry): ModuleFormat {
  const extension = /\.[^./]+$/.exec(path)?.[0] ?? "";
  const format = FORMATS.get(extension);
  const commonJs = entry.commonJs && (extension === ".js" || extension === ".ts");
  if (format !== undefined && !commonJs) return format;
  if (commonJs || extension === ".cjs" || extension === ".cts") {
    throw new MeshLoaderError(
      "FORMAT",
      `${path} of ${name} is CommonJS, whose require no loader can confine to signed files: sign it as an ES module, with "type": "module" in its package.json`,
    );
  }
  throw new MeshLoaderError(
    "FORMAT",
    `${path} of ${name} cannot be imported; ${[...FORMATS.keys()].join(", ")} can. Its bytes are artifact(${quote(path)})`,
  );
}
