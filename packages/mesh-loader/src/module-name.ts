import { isBuiltin } from "node:module";
import { MeshLoaderError, quote } from "./mesh-loader-error.js";

declare const brand: unique symbol;

/** The name of a mesh module, such as `gaiaftcl.bridges.numpy_bridge`. */
export type ModuleName = string & { readonly [brand]: "ModuleName" };

const FORM = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/;
const MAX_CHARACTERS = 200;

/**
 * Whether a value is a module name (cell format, section 4): identifiers of ASCII letters, digits and
 * `_`, joined by dots, at most 200 characters. So no name leaves the directory of the cache.
 */
export function isModuleName(value: unknown): value is ModuleName {
  return typeof value === "string" && value.length <= MAX_CHARACTERS && FORM.test(value);
}

/** @throws MeshLoaderError `MODULE_NAME` */
export function ensureModuleName(value: unknown): ModuleName {
  if (isModuleName(value)) return value;
  const found = typeof value === "string" ? quote(value) : typeof value;
  throw new MeshLoaderError(
    "MODULE_NAME",
    `expected a module name, dotted identifiers of at most ${MAX_CHARACTERS} characters such as gaiaftcl.bridges.numpy_bridge, found ${found}`,
  );
}

/**
 * A module name that no built-in module of Node has.
 *
 * @throws MeshLoaderError `MODULE_NAME` or `NAME_RESERVED`
 */
export function ensureLoadable(name: unknown): ModuleName {
  const moduleName = ensureModuleName(name);
  if (!isBuiltin(moduleName)) return moduleName;
  throw new MeshLoaderError(
    "NAME_RESERVED",
    `${moduleName} is a built-in module of Node, which no mesh module may replace: publish it under another name`,
  );
}

/** What every path of the module's manifest begins with: `a/b/c` for `a.b.c`. */
export function artifactPrefix(name: ModuleName): string {
  return name.replaceAll(".", "/");
}
