import { isBuiltin } from "node:module";
import { posix } from "node:path";
import { MeshLoaderError, quote } from "./mesh-loader-error.js";
import { isModuleName, type ModuleName } from "./module-name.js";

/** What a mesh module asks for when it imports something. */
export type SpecifierTarget =
  /** A file of the module itself, by its path within the module. */
  | { readonly kind: "file"; readonly path: string }
  /** A `mesh:` URL, such as `import.meta.resolve` gives. */
  | { readonly kind: "url"; readonly url: string }
  /** A built-in or a package of the host, which the caller allowed. */
  | { readonly kind: "host" }
  | { readonly kind: "module"; readonly name: ModuleName }
  /** Something that no `allow` can permit, or that it does not. */
  | { readonly kind: "denied"; readonly reason: string };

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:/;

/**
 * Says what a specifier means in a file of a mesh module (cell format, section 4). Nothing is looked
 * up.
 *
 * @param from the path of the importing file within its module
 * @throws MeshLoaderError `IMPORT_ESCAPES` or `IMPORT_NOT_FOUND` for a relative specifier that names no
 *   path of the module
 */
export function resolveSpecifier(
  specifier: string,
  from: string,
  allow: ReadonlySet<string>,
): SpecifierTarget {
  if (/^\.{1,2}(?:\/|$)/.test(specifier)) {
    return { kind: "file", path: relativePath(specifier, from) };
  }
  if (specifier.startsWith("mesh:")) return { kind: "url", url: specifier };
  if (isAllowed(specifier, allow)) return { kind: "host" };
  if (isBuiltin(specifier) || specifier.startsWith("node:")) {
    return denied(`a built-in module, which is not in the loader's allow list`);
  }
  if (specifier.startsWith("#")) return denied("an import of the package's own imports field");
  if (specifier.startsWith("/") || specifier.startsWith("\\")) return denied("an absolute path");
  if (SCHEME.test(specifier)) return denied("a URL");
  if (isModuleName(specifier)) return { kind: "module", name: specifier };
  return denied("a package of the host, which is not in the loader's allow list");
}

function denied(reason: string): SpecifierTarget {
  return { kind: "denied", reason };
}

/** Built-ins are allowed by either of their names; packages by their exact name or `name/*`. */
function isAllowed(specifier: string, allow: ReadonlySet<string>): boolean {
  if (allow.size === 0) return false;
  if (isBuiltin(specifier)) {
    const bare = specifier.replace(/^node:/, "");
    return allow.has(`node:${bare}`) || allow.has(bare);
  }
  if (SCHEME.test(specifier) || /(?:^|[/\\])\.{0,2}(?:[/\\]|$)|%|\\/.test(specifier)) return false;
  if (allow.has(specifier)) return true;
  return [...allow].some((name) => name.endsWith("/*") && specifier.startsWith(name.slice(0, -1)));
}

/**
 * Resolves a relative specifier as a URL is, with `%` escapes, but without leaving the module: the
 * segments `..` end at its root.
 */
function relativePath(specifier: string, from: string): string {
  if (/[?#\\]/.test(specifier)) {
    throw new MeshLoaderError(
      "IMPORT_NOT_FOUND",
      `${quote(specifier)} in ${from} has ${quote(/[?#\\]/.exec(specifier)?.[0] ?? "")}: a file of a mesh module is named by its path alone; write %3F, %23 or %5C where one is in its name`,
    );
  }
  const segments = posix.dirname(from) === "." ? [] : posix.dirname(from).split("/");
  for (const raw of specifier.split("/")) {
    const segment = decodeSegment(raw, specifier, from);
    if (segment === ".") continue;
    if (segment !== "..") segments.push(segment);
    else if (segments.pop() === undefined) {
      throw new MeshLoaderError(
        "IMPORT_ESCAPES",
        `${quote(specifier)} in ${from} leaves the module: import another mesh module by its name`,
      );
    }
  }
  return segments.join("/");
}

function decodeSegment(raw: string, specifier: string, from: string): string {
  try {
    const segment = decodeURIComponent(raw);
    if (!segment.includes("/")) return segment;
  } catch {
    // Falls through to the refusal.
  }
  throw new MeshLoaderError(
    "IMPORT_NOT_FOUND",
    `${quote(specifier)} in ${from} has a % escape that names no file`,
  );
}
