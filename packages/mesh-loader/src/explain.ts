import type { Manifest } from "@gaiaftcl/manifest/format";
import type { VerificationReport } from "@gaiaftcl/witness";
import { init, parse } from "es-module-lexer";
import { isAllowable, type LoaderPolicy } from "./loader-options.js";
import { MeshLoaderError, reasonOf } from "./mesh-loader-error.js";
import { moduleEntry, moduleFormat } from "./module-entry.js";
import type { ModuleName } from "./module-name.js";
import { resolveSpecifier, type SpecifierTarget } from "./module-specifier.js";
import { runPausing } from "./pause.js";
import { readCachedManifest } from "./read-module.js";
import { type VerifiedModule, verifyModule } from "./verify-module.js";

/** One import that stands in a file of a module. */
export interface ExplainedImport {
  /** The file, by its path within the module. */
  readonly from: string;
  /** As it stands there; absent when the module works it out as it runs. */
  readonly specifier?: string;
  readonly dynamic: boolean;
  readonly kind: "file" | "module" | "host" | "denied" | "unknown";
  /** Whether this loader would let it. What is unknown is decided as the module runs. */
  readonly allowed: boolean;
  /** Why not, or what it depends on. */
  readonly detail?: string;
}

/** What a module is and what it would need. */
export interface Explanation {
  readonly name: string;
  readonly witnessHash: string;
  readonly manifest: Manifest;
  readonly report: VerificationReport;
  readonly ageSeconds: number;
  /** Path of the entry within the module. */
  readonly entry: string;
  readonly imports: readonly ExplainedImport[];
  /** What `allow` would have to list beside what it does, for every import to succeed. */
  readonly wouldNeed: readonly string[];
  /** Files that cannot be read as modules, with the reason. */
  readonly unreadable: readonly { readonly path: string; readonly reason: string }[];
}

/** See `MeshLoader.explain`. */
export async function explainModule(
  policy: LoaderPolicy,
  name: ModuleName,
  signal: AbortSignal | undefined,
): Promise<Explanation> {
  const verified = await runPausing(verifyModule(policy, name, { record: false }), signal);
  await init();
  const { manifest, report, ageSeconds, files } = verified;
  const entry = moduleEntry(name, files);
  const imports: ExplainedImport[] = [];
  const unreadable: { path: string; reason: string }[] = [];
  for (const [path, bytes] of files) {
    signal?.throwIfAborted();
    try {
      const format = isImportable(path) ? moduleFormat(name, path, entry) : undefined;
      for (const found of importsOf(format, path, bytes)) {
        imports.push(await explainImport(policy, verified, path, found));
      }
    } catch (error) {
      unreadable.push({ path, reason: reasonOf(error) });
    }
  }
  return {
    name,
    witnessHash: manifest.witnessHash,
    manifest,
    report,
    ageSeconds,
    entry: entry.path,
    imports,
    wouldNeed: wouldNeed(imports),
    unreadable,
  };
}

interface FoundImport {
  readonly specifier: string | undefined;
  readonly dynamic: boolean;
}

/** The part of the WebAssembly interface that is used here; its types come with browsers only. */
interface WebAssemblyEngine {
  readonly Module: {
    new (bytes: Uint8Array): object;
    imports(module: object): readonly { readonly module: string }[];
  };
}

function isImportable(path: string): boolean {
  return /\.(?:[cm]?[jt]s|wasm)$/.test(path);
}

function importsOf(format: string | undefined, path: string, bytes: Uint8Array): FoundImport[] {
  if (format === "wasm") {
    const { WebAssembly: engine } = globalThis as unknown as { WebAssembly: WebAssemblyEngine };
    const imported = engine.Module.imports(new engine.Module(bytes));
    const modules = new Set(imported.map(({ module }) => module));
    return [...modules].map((specifier) => ({ specifier, dynamic: false }));
  }
  if (format !== "module" && format !== "module-typescript") return [];
  const [imports] = parse(new TextDecoder().decode(bytes), path);
  return imports.flatMap((found): FoundImport[] => {
    if (found.type === "import-meta") return [];
    if (found.type === "dynamic") {
      return [{ specifier: found.glob ? undefined : found.specifier, dynamic: true }];
    }
    return found.typeOnly ? [] : [{ specifier: found.specifier, dynamic: false }];
  });
}

async function explainImport(
  policy: LoaderPolicy,
  verified: VerifiedModule,
  from: string,
  { specifier, dynamic }: FoundImport,
): Promise<ExplainedImport> {
  if (specifier === undefined) {
    const detail = "worked out as the module runs; it is decided then, by the same rules";
    return { from, dynamic, kind: "unknown", allowed: true, detail };
  }
  const base = { from, specifier, dynamic };
  try {
    return {
      ...base,
      ...(await judge(policy, verified, resolveSpecifier(specifier, from, policy.allow))),
    };
  } catch (error) {
    if (!(error instanceof MeshLoaderError)) throw error;
    return { ...base, kind: "denied", allowed: false, detail: error.message };
  }
}

async function judge(
  policy: LoaderPolicy,
  { name, files }: VerifiedModule,
  target: SpecifierTarget,
): Promise<Pick<ExplainedImport, "kind" | "allowed" | "detail">> {
  switch (target.kind) {
    case "host":
      return { kind: "host", allowed: true };
    case "denied":
      return { kind: "denied", allowed: false, detail: target.reason };
    case "url":
      return { kind: "denied", allowed: false, detail: "a URL of one version" };
    case "file":
      if (files.has(target.path)) return { kind: "file", allowed: true };
      return { kind: "file", allowed: false, detail: "not among the signed files" };
    case "module": {
      if (target.name === name) return { kind: "module", allowed: true };
      try {
        await runPausing(readCachedManifest(policy.cacheRoot, target.name));
        return {
          kind: "module",
          allowed: true,
          detail: "a module of the cache, verified when imported",
        };
      } catch (error) {
        return { kind: "module", allowed: false, detail: reasonOf(error) };
      }
    }
  }
}

/** Bare names that no mesh module has; paths and URLs can never be allowed. */
function wouldNeed(imports: readonly ExplainedImport[]): readonly string[] {
  const names = imports
    .filter(({ allowed, kind }) => !allowed && (kind === "denied" || kind === "module"))
    .flatMap(({ specifier }) => specifier ?? []);
  return [...new Set(names.filter(isAllowable))].sort();
}
