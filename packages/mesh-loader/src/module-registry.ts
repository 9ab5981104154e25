import {
  type LoadFnOutput,
  type LoadHookContext,
  type ResolveFnOutput,
  type ResolveHookContext,
  registerHooks,
} from "node:module";
import { MeshLoaderError, quote } from "./mesh-loader-error.js";
import type { ModuleName } from "./module-name.js";
import { resolveSpecifier } from "./module-specifier.js";
import { type ImportScope, ModuleVersion } from "./module-version.js";
import type { VerifiedModule } from "./verify-module.js";

const MESH_URL = /^mesh:([0-9a-f]{64})\/([^/#]+)\/([^#]*)(#[0-9]+)?$/;

type NextResolve = (specifier: string, context?: Partial<ResolveHookContext>) => ResolveFnOutput;
type NextLoad = (url: string, context?: Partial<LoadHookContext>) => LoadFnOutput;

/**
 * What Node's module loader is told about mesh modules. It has one module map a process, so there is
 * one registry as well; the first module that is loaded installs its hooks, which then stay, since old
 * versions may import at any time.
 */
class ModuleRegistry {
  /** By `<witness hash>/<module>`, each instance after the other. */
  readonly #instances = new Map<string, ModuleVersion[]>();
  /** What code that is no mesh module gets for a module's name. */
  readonly #exposed = new Map<string, ModuleVersion>();
  #installed = false;

  /**
   * Makes a verified module importable, or finds the instance that already is: one for all scopes of
   * equal policy, so that a module has one state, and one for each policy, so that none runs under a
   * policy other than its own.
   */
  adopt(verified: VerifiedModule, scope: ImportScope): ModuleVersion {
    const key = `${verified.manifest.witnessHash}/${verified.name}`;
    const instances = this.#instances.get(key) ?? [];
    const { fingerprint } = scope.policy;
    const usable = instances.find(
      (version) =>
        version.scope.policy.fingerprint === fingerprint &&
        (version.state === "new" || version.state === "ready"),
    );
    const version = usable ?? new ModuleVersion(verified, scope, instances.length + 1);
    if (usable === undefined) this.#instances.set(key, [...instances, version]);
    version.holders.add(scope);
    this.#install();
    return version;
  }

  /** Gives the module's name to everybody in the process. */
  expose(version: ModuleVersion): void {
    this.#exposed.set(version.name, version);
  }

  /** Takes the module's name back, and its bytes when no other scope holds it. */
  release(version: ModuleVersion, scope: ImportScope): void {
    version.holders.delete(scope);
    if (version.holders.size > 0) return;
    if (this.#exposed.get(version.name) === version) this.#exposed.delete(version.name);
    version.release();
  }

  #install(): void {
    if (this.#installed) return;
    this.#installed = true;
    registerHooks({
      resolve: (specifier, context, next) => this.#resolve(specifier, context, next),
      load: (url, context, next) => this.#load(url, context, next),
    });
  }

  #resolve(specifier: string, context: ResolveHookContext, next: NextResolve): ResolveFnOutput {
    const importer = this.#find(context.parentURL);
    if (importer !== undefined) return this.#resolveFromMesh(specifier, importer, context, next);
    const exposed = this.#exposed.get(specifier);
    if (exposed !== undefined) {
      if (context.conditions.includes("require")) {
        throw new MeshLoaderError(
          "REQUIRE",
          `${specifier} is a mesh module: use import, not require`,
        );
      }
      return resolved(exposed, exposed.entry.path);
    }
    const found = this.#find(specifier);
    return found === undefined ? next(specifier, context) : resolved(found.version, found.path);
  }

  #resolveFromMesh(
    specifier: string,
    { version, path: from }: Found,
    context: ResolveHookContext,
    next: NextResolve,
  ): ResolveFnOutput {
    const { policy } = version.scope;
    const target = resolveSpecifier(specifier, from, policy.allow);
    switch (target.kind) {
      case "file":
        return resolved(version, ensureFile(version, target.path, specifier, from));
      case "host":
        return next(specifier, { ...context, parentURL: policy.hostBase });
      case "url": {
        const found = this.#find(target.url);
        if (found?.version === version) {
          return resolved(version, ensureFile(version, found.path, specifier, from));
        }
        throw importDenied(specifier, version, from, "a URL that is not of this module");
      }
      case "module": {
        if (target.name === version.name) return resolved(version, version.entry.path);
        const imported = acquire(version, target.name, specifier, from);
        version.imports.add(imported);
        return resolved(imported, imported.entry.path);
      }
      case "denied":
        throw importDenied(specifier, version, from, target.reason);
    }
  }

  #load(url: string, context: LoadHookContext, next: NextLoad): LoadFnOutput {
    const found = this.#find(url);
    if (found === undefined) return next(url, context);
    const { version, path } = found;
    ensureAttributes(version, path, context.importAttributes);
    return {
      format: version.formatOf(path),
      source: version.bytesOf(path),
      shortCircuit: true,
    };
  }

  /** The file that a URL of this registry names. */
  #find(url: string | undefined): Found | undefined {
    const [, hash, name, encoded = "", suffix = "#1"] = MESH_URL.exec(url ?? "") ?? [];
    if (hash === undefined || name === undefined) return undefined;
    const version = this.#instances.get(`${hash}/${name}`)?.[Number(suffix.slice(1)) - 1];
    if (version === undefined) return undefined;
    try {
      return { version, path: decodeURIComponent(encoded) };
    } catch {
      return undefined;
    }
  }
}

interface Found {
  readonly version: ModuleVersion;
  readonly path: string;
}

function resolved(version: ModuleVersion, path: string): ResolveFnOutput {
  return { url: version.urlOf(path), format: version.formatOf(path), shortCircuit: true };
}

function ensureFile(version: ModuleVersion, path: string, specifier: string, from: string): string {
  if (version.paths.has(path)) return path;
  throw new MeshLoaderError(
    "IMPORT_NOT_FOUND",
    `${from} of ${version.name} imports ${quote(specifier)}, and ${quote(path)} is not among the signed files: extensions are not guessed`,
  );
}

/**
 * Node compares `with { type: … }` with what a file is only where it reads the file itself. Whoever
 * imports data says so in order that it never runs.
 */
function ensureAttributes(
  version: ModuleVersion,
  path: string,
  { type }: LoadHookContext["importAttributes"],
): void {
  if (type === undefined || (type === "json" && version.formatOf(path) === "json")) return;
  throw new MeshLoaderError(
    "IMPORT_ATTRIBUTE",
    `${path} of ${version.name} is imported with type ${quote(type)}, and is ${version.formatOf(path)}: leave the type out, or import the file that was meant`,
  );
}

/** Another mesh module; a name that is none is an import that was not allowed. */
function acquire(
  importer: ModuleVersion,
  name: ModuleName,
  specifier: string,
  from: string,
): ModuleVersion {
  try {
    return importer.scope.acquire(name, importer);
  } catch (cause) {
    if (!(cause instanceof MeshLoaderError) || cause.code !== "MANIFEST_MISSING") throw cause;
    const reason = "neither a module in the mesh cache nor in the loader's allow list";
    throw importDenied(specifier, importer, from, reason, cause);
  }
}

function importDenied(
  specifier: string,
  version: ModuleVersion,
  from: string,
  reason: string,
  cause?: unknown,
): MeshLoaderError {
  return new MeshLoaderError(
    "IMPORT_DENIED",
    `${from} of ${version.name} may not import ${quote(specifier)}: it is ${reason}`,
    cause === undefined ? undefined : { cause },
  );
}

export const moduleRegistry: ModuleRegistry = new ModuleRegistry();
