import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import {
  FranklinError,
  lockHolder,
  type Operators,
  loadOperators as operatorsIn,
} from "@gaiaftcl/franklin-socket/server";
import {
  type KeyEntry,
  loadFederationKeysFile,
  writeFederationKeysFile,
} from "@gaiaftcl/key-store";
import { CONTEXTS, type FederationContext, isFederationContext } from "@gaiaftcl/witness";
import { generateKeyPair, type PublicKey, publicKeyToHex } from "@gaiaftcl/witness/ed25519";
import type { Command } from "commander";
import { CommandError } from "./command-error.js";
import { defaultOperator, loadOperators } from "./operators.js";
import type { RunCommand } from "./run-command.js";
import type { Session } from "./session.js";

/** `keys generate|show|check` (cell format, sections 2 and 6). */
export function addKeysCommands(program: Command, run: RunCommand): void {
  const keys = program.command("keys").description("make, show and check the keys of this home");
  keys
    .command("generate")
    .description("make the five federation keys and an operator, or one further operator")
    .option("--operator <context>", "make the key of this operator only, and admit it")
    .action(
      run(async (session, options: { readonly operator?: string }) => {
        if (options.operator === undefined) await generateFederation(session);
        await generateOperator(session, options.operator ?? defaultOperator);
      }),
    );
  keys
    .command("show")
    .description("list the keys by context; a private key is never shown")
    .action(run(show));
  keys
    .command("check")
    .description("check that every key file can be used and that they fit one another")
    .action(run(check));
}

async function generateFederation(session: Session): Promise<void> {
  const { federationKeysPath, home } = session.layout;
  if ((await loadFederationKeysFile(federationKeysPath)) !== undefined) {
    throw new CommandError(
      "REFUSED",
      `${federationKeysPath} exists already, and keys are never overwritten`,
      "keys show",
    );
  }
  await mkdir(home, { recursive: true, mode: 0o700 });
  const made: [FederationContext, PublicKey][] = [];
  for (const context of CONTEXTS) {
    const { publicKey } = await session.keys.generate(context);
    made.push([context, publicKey]);
  }
  await writeFederationKeysFile(federationKeysPath, made);
  for (const [context, publicKey] of made) reportKey(session, context, publicKey, "federation");
}

async function generateOperator(session: Session, context: string): Promise<void> {
  if (isFederationContext(context)) {
    throw new CommandError(
      "REFUSED",
      `${context} is a federation context; an operator's key is never a federation key`,
      "keys generate --operator NAME",
    );
  }
  const path = session.layout.operatorsPath;
  const operators = await loadOperators(session);
  if (operators.has(context)) {
    throw new CommandError("REFUSED", `${path} has an operator ${context} already`, "keys show");
  }
  const { publicKey, privateKey } = generateKeyPair();
  const file = await withOperator(path, context, publicKey);
  await session.keys.add(context, privateKey);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(`${path}.new`, file, { mode: 0o600 });
  await rename(`${path}.new`, path);
  reportKey(session, context, publicKey, "operator");
  if (lockHolder(session.layout.lockPath) !== undefined) {
    session.output.remark(`a running cell admits it after: ${session.command("cell reload")}`);
  }
}

/** The text of the operators' file with one more of them; what else stands in it stays. */
async function withOperator(path: string, context: string, key: PublicKey): Promise<string> {
  const before = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const entry = `[operators.${JSON.stringify(context)}]\npublic_key = "${publicKeyToHex(key)}"\n`;
  const after = before.trim() === "" ? entry : `${before.trimEnd()}\n\n${entry}`;
  try {
    operatorsIn(after);
    return after;
  } catch (cause) {
    if (!(cause instanceof FranklinError)) throw cause;
    throw new CommandError(
      "REFUSED",
      `${path} is written so that no operator can be added at its end (${cause.message}): write its operators as tables [operators.NAME]`,
      "keys check",
      { cause },
    );
  }
}

async function show(session: Session): Promise<void> {
  const entries = await session.keys.list();
  if (entries.length === 0) {
    throw new CommandError(
      "NOT_FOUND",
      `no keys in ${session.layout.keysDirectory}`,
      "keys generate",
    );
  }
  for (const { context, publicKey } of entries) {
    reportKey(session, context, publicKey, roleOf(context));
  }
}

async function check(session: Session): Promise<void> {
  const federation = await session.federationKeys();
  const operators = await loadOperators(session);
  const entries = await session.keys.list();
  for (const entry of entries)
    ensureMatches(entry, expectedKey(entry, federation?.keys, operators));
  session.output.result(
    {
      kind: "keys-check",
      derived: {
        federation: federation === undefined ? "absent" : "complete",
        operators: [...operators.keys()],
        private_keys: entries.map(({ context }) => context),
      },
    },
    () => [
      federation === undefined
        ? `federation keys: none (${session.layout.federationKeysPath} does not exist); verification proves consistency, not origin`
        : `federation keys: five contexts, ${federation.revoked.size} revoked`,
      `operators: ${[...operators.keys()].join(", ") || "none"}`,
      `private keys: ${entries.map(({ context }) => context).join(", ") || "none"}, all of them readable by their owner only`,
    ],
  );
}

function expectedKey(
  entry: KeyEntry,
  federation: ReadonlyMap<FederationContext, PublicKey> | undefined,
  operators: Operators,
): PublicKey | undefined {
  return isFederationContext(entry.context)
    ? federation?.get(entry.context)
    : operators.get(entry.context)?.publicKey;
}

function ensureMatches(entry: KeyEntry, expected: PublicKey | undefined): void {
  if (expected === undefined || publicKeyToHex(expected) === publicKeyToHex(entry.publicKey))
    return;
  throw new CommandError(
    "REFUSED",
    `${entry.path} is not the key that ${entry.context} is known by: expected the public key ${publicKeyToHex(expected)}, found ${publicKeyToHex(entry.publicKey)}`,
    "keys show",
  );
}

function roleOf(context: string): "federation" | "operator" {
  return isFederationContext(context) ? "federation" : "operator";
}

function reportKey(
  session: Session,
  context: string,
  publicKey: PublicKey,
  role: "federation" | "operator",
): void {
  const path = session.keys.pathOf(context);
  const hex = publicKeyToHex(publicKey);
  session.output.result(
    { kind: "key", derived: { context, role, public_key: hex, path } },
    () => `${context.padEnd(20)} ${role.padEnd(10)} ${hex}  ${path}`,
  );
}
