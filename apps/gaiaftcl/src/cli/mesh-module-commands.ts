import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import type { MeshEventKind } from "@gaiaftcl/mesh-history";
import {
  isModuleName,
  type LoadedModule,
  MeshLoader,
  MeshLoaderError,
} from "@gaiaftcl/mesh-loader";
import { subscribe } from "@gaiaftcl/nats-subscribe";
import { type Command, Option } from "commander";
import { wholeNumber } from "./argument-parsers.js";
import { recordMeshEvent, withMeshHistory } from "./cell-logs.js";
import { failureOf } from "./failure.js";
import { prefixOf, reportManifest, signDirectory } from "./mesh-manifest-commands.js";
import { type ExitCode, exitCodes } from "./output.js";
import { levelLine, reportLines } from "./report-lines.js";
import type { RunCommand } from "./run-command.js";
import type { Session } from "./session.js";

interface LoadOptions {
  readonly allow?: readonly string[];
  readonly allowRollback: boolean;
  readonly requireSigned: boolean;
  readonly explain: boolean;
}

/** `mesh publish|load|explain|list|watch`: the modules of the cache (cell format, sections 4 and 8). */
export function addModuleCommands(mesh: Command, run: RunCommand): void {
  mesh
    .command("publish <directory> <module>")
    .description(
      "sign a directory as a module and put it in the cache, in one step for its readers",
    )
    .action(run(publishModule));
  const loading = (usage: string, description: string): Command =>
    mesh
      .command(usage)
      .description(description)
      .option("--allow <name...>", "built-ins and packages that it may import")
      .option("--allow-rollback", "also a version older than one accepted before", false)
      .option("--require-signed", "without federation keys, refuse", false)
      .option("--explain", "show every check", false);
  loading("load <module>", "verify a module, load it in memory, and say what it exports").action(
    run(load),
  );
  loading("watch <module>", "load each new version as it is published, until Ctrl-C")
    .option("--subject <subject>", "look at once when a message comes on this NATS subject")
    .action(run(watch));
  loading("explain <module>", "what a module imports, and what it would have to be allowed").action(
    run(explain),
  );
  mesh.command("list").description("the modules of the cache, each verified").action(run(list));
  mesh
    .command("history [module]")
    .description("what happened to the modules of this cell, the newest first")
    .addOption(new Option("--kind <kind>").choices(["published", "loaded", "refused"]))
    .option("--limit <count>", "at most so many", wholeNumber)
    .action(run(history));
}

async function loaderOf(session: Session, options: Partial<LoadOptions>): Promise<MeshLoader> {
  const { layout } = session;
  return new MeshLoader({
    cacheRoot: layout.meshCacheRoot,
    trustStore: layout.trustStorePath,
    federationPublicKeys: await session.federationKeys(),
    requireSigned: options.requireSigned,
    allow: options.allow,
    allowRollback: options.allowRollback,
  });
}

async function publishModule(session: Session, directory: string, name: string): Promise<void> {
  const source = resolve(directory);
  const manifest = await signDirectory(session, source, { prefix: prefixOf(name) });
  const loader = await loaderOf(session, {});
  await loader.publish(source, name, { manifest, signal: session.signal });
  const { witnessHash, producedAtIso } = manifest;
  const detail = loader.cacheRoot;
  await recordMeshEvent(session, "published", { module: name, witnessHash, producedAtIso, detail });
  reportManifest(session, manifest, `published as ${name} in ${loader.cacheRoot}`);
}

async function load(session: Session, name: string, options: LoadOptions): Promise<void> {
  const loader = await loaderOf(session, options);
  try {
    const loaded = await loader.open(name, { signal: session.signal });
    await recordLoaded(session, loaded);
    reportLoaded(session, loaded, options.explain);
  } catch (error) {
    if (error instanceof MeshLoaderError) await recordRefused(session, name, error);
    throw error;
  }
}

async function recordLoaded(session: Session, loaded: LoadedModule): Promise<void> {
  const { name: module, witnessHash, manifest, report } = loaded;
  const { producedAtIso } = manifest;
  await recordMeshEvent(session, "loaded", {
    module,
    witnessHash,
    producedAtIso,
    detail: report.level,
  });
}

async function recordRefused(
  session: Session,
  module: string,
  { code, message }: MeshLoaderError,
): Promise<void> {
  const detail = `${code}: ${message}`;
  await recordMeshEvent(session, "refused", { module, witnessHash: "", producedAtIso: "", detail });
}

async function history(
  session: Session,
  module: string | undefined,
  options: { readonly kind?: MeshEventKind; readonly limit?: number },
): Promise<void> {
  const { kind, limit } = options;
  const events = await withMeshHistory(session, (read) => read.list({ module, kind, limit }));
  for (const event of events) {
    const at = new Date(Number(event.atNs / 1_000_000n)).toISOString();
    const { atNs: _, ...shown } = event;
    session.output.result(
      { kind: "mesh-event", derived: { ...shown, at } },
      () =>
        `${at} ${event.kind.padEnd(9)} ${event.module} ${event.witnessHash.slice(0, 16)} ${event.detail}`,
    );
  }
  if (events.length === 0) session.output.remark("nothing has happened yet");
}

async function watch(
  session: Session,
  name: string,
  options: LoadOptions & { readonly subject?: string },
): Promise<void> {
  const loader = await loaderOf(session, options);
  const { signal } = session;
  const hints =
    options.subject === undefined
      ? undefined
      : subscribe(options.subject, { urls: await session.brokers(), signal });
  const versions = loader.watch(name, {
    signal,
    hints,
    onRefused: (error) => session.output.remark(`refused: ${failureOf(error, session).message}`),
  });
  for await (const version of versions) {
    await recordLoaded(session, version);
    reportLoaded(session, version, options.explain);
  }
}

function reportLoaded(session: Session, loaded: LoadedModule, explained: boolean): void {
  const exported = Object.keys(loaded.module);
  session.output.result(
    {
      kind: "module",
      signed: {
        name: loaded.name,
        witness_hash: loaded.witnessHash,
        produced_at_iso: loaded.manifest.producedAtIso,
        paths: loaded.paths,
      },
      derived: {
        exports: exported,
        url: loaded.url,
        age_seconds: Math.round(loaded.ageSeconds),
        report: loaded.report,
      },
    },
    () => [
      `${levelLine(loaded.name, loaded.report)}; ${loaded.url}`,
      `  exports ${exported.join(", ") || "nothing"}; ${loaded.paths.length} files, ${Math.round(loaded.ageSeconds)} s old`,
      ...(explained ? reportLines(loaded.report) : []),
    ],
  );
}

async function explain(session: Session, name: string, options: LoadOptions): Promise<ExitCode> {
  const loader = await loaderOf(session, options);
  const explanation = await loader.explain(name, { signal: session.signal });
  const { manifest, ...derived } = explanation;
  const { imports, wouldNeed, unreadable } = explanation;
  session.output.result(
    { kind: "explanation", signed: { witness_hash: manifest.witnessHash }, derived },
    () => [
      `${name}: entry ${explanation.entry}, ${imports.length} imports`,
      ...imports.map(
        (each) =>
          `  ${each.allowed ? "allowed" : "DENIED "} ${each.from} imports ${each.specifier ?? "what it works out as it runs"}${each.detail === undefined ? "" : `: ${each.detail}`}`,
      ),
      ...unreadable.map(({ path, reason }) => `  unreadable ${path}: ${reason}`),
      wouldNeed.length === 0
        ? "  it would need nothing more"
        : `  it would need: --allow ${wouldNeed.join(" ")}`,
    ],
  );
  return exitCodes.ok;
}

async function list(session: Session): Promise<ExitCode> {
  const loader = await loaderOf(session, {});
  const names = await readdir(loader.cacheRoot).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  let worst: ExitCode = exitCodes.ok;
  for (const name of names.filter(isModuleName).sort()) {
    try {
      const { manifest, report } = await loader.explain(name, { signal: session.signal });
      session.output.result(
        {
          kind: "module",
          signed: {
            name,
            witness_hash: manifest.witnessHash,
            produced_at_iso: manifest.producedAtIso,
          },
          derived: { report },
        },
        () =>
          `${levelLine(name, report)}; ${manifest.artifacts.length} files, produced ${manifest.producedAtIso}`,
      );
    } catch (error) {
      if (session.signal.aborted) throw error;
      worst = exitCodes.refused;
      const { code, message } = failureOf(error, session);
      session.output.result(
        { kind: "module", derived: { name, code, message } },
        () => `FAILED ${name}: ${message}`,
      );
    }
  }
  if (names.length === 0) session.output.remark(`no modules in ${loader.cacheRoot}`);
  return worst;
}
