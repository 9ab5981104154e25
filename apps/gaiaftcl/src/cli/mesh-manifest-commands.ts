import { constants } from "node:fs";
import { open, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  cosign,
  Manifest,
  ManifestError,
  ManifestSigner,
  ManifestVerifier,
} from "@gaiaftcl/manifest";
import { isModuleName } from "@gaiaftcl/mesh-loader";
import { CONTEXTS, type FederationContext, isFederationContext } from "@gaiaftcl/witness";
import type { PrivateKey } from "@gaiaftcl/witness/ed25519";
import type { Command } from "commander";
import { CommandError } from "./command-error.js";
import { type ExitCode, exitCodes } from "./output.js";
import { levelLine, reportLines } from "./report-lines.js";
import type { RunCommand } from "./run-command.js";
import type { Session } from "./session.js";

/** The format allows no larger ones (cell format, section 3), so none is read into memory. */
const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;

/** `mesh sign|cosign|verify`: manifests, wherever they are (cell format, sections 3 and 8). */
export function addManifestCommands(mesh: Command, run: RunCommand): void {
  mesh
    .command("sign <directory>")
    .description("sign a directory into a manifest, cosigned by the federation keys of this home")
    .option("--module <name>", "sign it as this module: its paths begin with a/b/c for a.b.c")
    .option("--prefix <prefix>", "what paths begin with; the directory's own name unless given")
    .option("--lean <path>", "the artifact that it mirrors")
    .option("--tau <height>", "the block height")
    .option("--out <file>", "where to write the manifest", "manifest.json")
    .action(run(sign));
  mesh
    .command("cosign <manifest>")
    .description("cosign a manifest with keys of this home, in place")
    .option("--context <context...>", "which contexts; all whose keys are here unless given")
    .action(run(cosignFile));
  mesh
    .command("verify <target>")
    .description("verify a module of the cache, or a directory against --manifest")
    .option("--manifest <file>", "the manifest of the directory")
    .option("--prefix <prefix>", "the prefix that stands for the directory")
    .option("--strict", "files that are not in the manifest fail it as well", false)
    .option("--require-signed", "without federation keys, fail", false)
    .option("--explain", "show every check", false)
    .action(run(verify));
}

interface SignOptions {
  readonly module?: string;
  readonly prefix?: string;
  readonly lean?: string;
  readonly tau?: string;
  readonly out: string;
}

async function sign(session: Session, directory: string, options: SignOptions): Promise<void> {
  const manifest = await signDirectory(session, resolve(directory), {
    prefix: options.module === undefined ? options.prefix : prefixOf(options.module),
    leanArtifactPath: options.lean,
    tauBlock: options.tau === undefined ? undefined : blockHeight(options.tau),
  });
  await writeFile(options.out, manifest.toJson(), { flag: "wx" }).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    throw new CommandError("REFUSED", `${options.out} exists already`, "mesh sign --help");
  });
  reportManifest(session, manifest, `written to ${options.out}`);
}

function blockHeight(text: string): bigint {
  if (/^\d{1,20}$/.test(text)) return BigInt(text);
  throw new CommandError(
    "USAGE",
    `expected a block height in decimal digits, found ${JSON.stringify(text)}`,
    "mesh sign --help",
  );
}

/** Signs a directory in the name of this home's cell, with such federation keys as it holds. */
export async function signDirectory(
  session: Session,
  directory: string,
  options: {
    readonly prefix?: string | undefined;
    readonly leanArtifactPath?: string | undefined;
    readonly tauBlock?: bigint | undefined;
  },
): Promise<Manifest> {
  const { cellId, domainId } = await session.configuration();
  const keys = await heldFederationKeys(session);
  const { output, signal } = session;
  return await new ManifestSigner({ cellId, domainId, keys }).signDirectory(directory, {
    ...options,
    signal,
    onProgress: ({ files, bytes }) => output.progress(`${files} files, ${bytes} bytes`),
  });
}

/** The path prefix of a module's artifacts. */
export function prefixOf(moduleName: string): string {
  if (isModuleName(moduleName)) return moduleName.replaceAll(".", "/");
  throw new CommandError(
    "USAGE",
    `expected a module name such as gaiaftcl.bridges.numpy_bridge, found ${JSON.stringify(moduleName)}`,
    "mesh --help",
  );
}

async function heldFederationKeys(
  session: Session,
): Promise<ReadonlyMap<FederationContext, PrivateKey>> {
  const keys = new Map<FederationContext, PrivateKey>();
  for (const { context } of await session.keys.list()) {
    if (isFederationContext(context)) keys.set(context, await session.keys.load(context));
  }
  return keys;
}

async function cosignFile(
  session: Session,
  path: string,
  options: { readonly context?: readonly string[] },
): Promise<void> {
  const held = await heldFederationKeys(session);
  const contexts = options.context?.map(federationContext) ?? [...held.keys()];
  if (contexts.length === 0) {
    throw new CommandError(
      "NOT_FOUND",
      `no federation key in ${session.layout.keysDirectory}`,
      "keys generate",
    );
  }
  let manifest = await readManifest(path);
  for (const context of contexts) {
    const key = held.get(context) ?? (await session.keys.load(context));
    manifest = cosign(manifest, context, key);
  }
  await writeFile(`${path}.new`, manifest.toJson());
  await rename(`${path}.new`, path);
  reportManifest(session, manifest, `cosigned as ${contexts.join(", ")}`);
}

function federationContext(text: string): FederationContext {
  if (isFederationContext(text)) return text;
  throw new CommandError(
    "USAGE",
    `expected one of ${CONTEXTS.join(", ")}, found ${JSON.stringify(text)}`,
    "mesh cosign --help",
  );
}

interface VerifyOptions {
  readonly manifest?: string;
  readonly prefix?: string;
  readonly strict: boolean;
  readonly requireSigned: boolean;
  readonly explain: boolean;
}

async function verify(session: Session, target: string, options: VerifyOptions): Promise<ExitCode> {
  const inCache = options.manifest === undefined;
  const module = join(session.layout.meshCacheRoot, target);
  const prefix = inCache ? prefixOf(target) : options.prefix;
  const manifestPath = options.manifest ?? join(module, "manifest.json");
  const manifest = await readManifest(manifestPath).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    throw new CommandError(
      "NOT_FOUND",
      `there is no manifest at ${manifestPath}; a module of the cache is named as ${JSON.stringify("a.b.c")}, and a directory (${target}) needs --manifest`,
      "mesh list",
    );
  });
  const { requireSigned, strict, explain } = options;
  const verifier = new ManifestVerifier({ keys: await session.federationKeys(), requireSigned });
  const { output, signal } = session;
  const report = await verifier.verify(
    manifest,
    inCache ? join(module, "artifacts") : resolve(target),
    {
      prefix,
      strict,
      signal,
      onProgress: ({ files, bytes }) => output.progress(`${files} files, ${bytes} bytes`),
    },
  );
  output.result(
    {
      kind: "manifest-verification",
      signed: { witness_hash: manifest.witnessHash, produced_at_iso: manifest.producedAtIso },
      derived: { report },
    },
    () => [
      `${levelLine(target, report)}; produced ${ageOf(manifest)} ago`,
      ...report.missing.map((path) => `  missing ${path}`),
      ...report.changed.map(
        ({ path, expected, found }) =>
          `  changed ${path}: expected ${expected.bytes} bytes, ${expected.sha256}; found ${JSON.stringify(found)}`,
      ),
      ...report.extra.map((path) => `  extra   ${path}`),
      ...(prefix === undefined && report.missing.length === manifest.artifacts.length
        ? prefixNote(manifest)
        : []),
      ...(explain ? reportLines(report) : []),
    ],
  );
  return report.ok ? exitCodes.ok : exitCodes.refused;
}

/** Reads a manifest from a file that anybody may have put there, and names the file in what is wrong. */
async function readManifest(path: string): Promise<Manifest> {
  await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  const status = await file.stat();
  if (!status.isFile()) throw new ManifestError("UNREADABLE", `${path} is no regular file`);
  if (status.size > MAX_MANIFEST_BYTES) {
    throw new ManifestError(
      "TOO_LARGE",
      `expected a manifest of at most ${MAX_MANIFEST_BYTES} bytes at ${path}, found ${status.size}`,
    );
  }
  try {
    return Manifest.fromJson(await file.readFile());
  } catch (cause) {
    if (!(cause instanceof ManifestError)) throw cause;
    throw new ManifestError(cause.code, `${path}: ${cause.message}`, { cause });
  }
}

/** What to try where no file of a manifest is in the directory: its paths may begin elsewhere. */
function prefixNote({ artifacts }: Manifest): readonly string[] {
  const [first, ...others] = artifacts.map(({ path }) => path.split("/").slice(0, -1));
  if (first === undefined) return [];
  const end = first.findIndex((segment, depth) =>
    others.some((segments) => segments[depth] !== segment),
  );
  const common = first.slice(0, end === -1 ? first.length : end).join("/");
  if (common === "") return [];
  return [
    `  note: every path begins with ${common}; where that is this directory: --prefix ${common}`,
  ];
}

function ageOf(manifest: Manifest): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(manifest.producedAtIso)) / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800
    ? `${Math.round(seconds / 3600)} h`
    : `${Math.round(seconds / 86_400)} days`;
}

/** One line about a manifest just made or changed. */
export function reportManifest(session: Session, manifest: Manifest, what: string): void {
  const cosigned = manifest.quintet.filter((entry) => entry.startsWith("ed25519:")).length;
  session.output.result(
    {
      kind: "manifest",
      signed: {
        witness_hash: manifest.witnessHash,
        produced_at_iso: manifest.producedAtIso,
        artifacts: manifest.artifacts.length,
      },
      derived: { cosigned, what },
    },
    () =>
      `${manifest.witnessHash} ${manifest.artifacts.length} files, ${cosigned} of 5 contexts cosigned; ${what}`,
  );
}
