import { constants } from "node:fs";
import { access, lstat } from "node:fs/promises";
import { connect } from "node:net";
import { readRuntimeState } from "@gaiaftcl/cell";
import { FranklinClient } from "@gaiaftcl/franklin-socket/client";
import { lockHolder } from "@gaiaftcl/franklin-socket/server";
import { openSealed } from "@gaiaftcl/sealed-reader";
import { isFederationContext } from "@gaiaftcl/witness";
import type { Command } from "commander";
import { failureOf } from "./failure.js";
import { defaultOperator, loadOperators } from "./operators.js";
import { type ExitCode, exitCodes } from "./output.js";
import type { RunCommand } from "./run-command.js";
import type { Session } from "./session.js";

type State = "ok" | "absent" | "failed";

interface Finding {
  readonly state: State;
  readonly detail: string;
  /** The words after `gaiaftcl` that mend it. */
  readonly next?: string;
}

interface Examination {
  readonly name: string;
  run(session: Session): Promise<Finding>;
}

const probeTimeoutMs = 2_000;

/** `doctor`: looks at every part of this home and says what to do about what is not in order. */
export function addDoctorCommand(program: Command, run: RunCommand): void {
  program
    .command("doctor")
    .description("look at every part of this home and say what is not in order")
    .action(run(examineAll));
}

const examinations: readonly Examination[] = [
  {
    name: "runtime",
    run: async () => ({
      state: "ok",
      detail: `Node ${process.version}, ${process.platform} ${process.arch}`,
    }),
  },
  { name: "home", run: (session) => directory(session.layout.home, "keys generate") },
  { name: "settings", run: settings },
  { name: "federation keys", run: federation },
  { name: "operators", run: operators },
  { name: "private keys", run: privateKeys },
  { name: "data", run: (session) => directory(session.layout.dataDirectory, "cell start") },
  { name: "database", run: database },
  { name: "mesh cache", run: meshCache },
  { name: "substrate broker", run: (session) => broker(session, "substrate") },
  { name: "franklin broker", run: (session) => broker(session, "franklin") },
  { name: "cell", run: cell },
];

async function examineAll(session: Session): Promise<ExitCode> {
  let worst: ExitCode = exitCodes.ok;
  for (const { name, run } of examinations) {
    const finding = await examined(session, run);
    if (finding.state === "failed") worst = exitCodes.blocked;
    const next = finding.next === undefined ? undefined : session.command(finding.next);
    session.output.result(
      { kind: "finding", derived: { name, state: finding.state, detail: finding.detail, next } },
      () =>
        `${{ ok: "ok    ", absent: "absent", failed: "FAILED" }[finding.state]} ${name.padEnd(17)} ${finding.detail}${next === undefined ? "" : `\n       next: ${next}`}`,
    );
  }
  return worst;
}

async function examined(
  session: Session,
  run: (session: Session) => Promise<Finding>,
): Promise<Finding> {
  try {
    return await run(session);
  } catch (error) {
    const { message, next } = failureOf(error, undefined);
    const words = next.replace(/^gaiaftcl /, "");
    // What sends people here would send them in a circle.
    return { state: "failed", detail: message, ...(words === "doctor" ? {} : { next: words }) };
  }
}

async function directory(path: string, next: string): Promise<Finding> {
  const stats = await lstat(path).catch(absent);
  if (stats === undefined) return { state: "absent", detail: `${path} does not exist yet`, next };
  if (!stats.isDirectory()) return { state: "failed", detail: `${path} is not a directory` };
  await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  return { state: "ok", detail: path };
}

async function settings(session: Session): Promise<Finding> {
  const { cellId, domainId, heartbeatSeconds } = await session.configuration();
  return {
    state: "ok",
    detail: `cell ${cellId}, domain ${domainId}, heartbeat every ${heartbeatSeconds} s`,
  };
}

async function federation(session: Session): Promise<Finding> {
  const keys = await session.federationKeys();
  if (keys !== undefined)
    return { state: "ok", detail: `five contexts, ${keys.revoked.size} revoked` };
  const detail = "none: verification proves consistency, not origin";
  return { state: "absent", detail, next: "keys generate" };
}

async function operators(session: Session): Promise<Finding> {
  const found = await loadOperators(session);
  if (found.size > 0) return { state: "ok", detail: [...found.keys()].join(", ") };
  return { state: "absent", detail: "none: nobody can connect to the cell", next: "keys generate" };
}

async function privateKeys(session: Session): Promise<Finding> {
  const entries = await session.keys.list();
  const held = entries.filter(({ context }) => isFederationContext(context)).length;
  if (entries.length === 0) return { state: "absent", detail: "none", next: "keys generate" };
  return {
    state: "ok",
    detail: `${held} of the federation, ${entries.length - held} of operators, readable by their owner only`,
  };
}

async function database(session: Session): Promise<Finding> {
  const path = session.layout.databasePath;
  if ((await lstat(path).catch(absent)) === undefined) {
    return { state: "absent", detail: `${path} does not exist yet`, next: "cell start" };
  }
  await using reader = await openSealed(path, { signal: session.signal });
  const problems = await reader.quickCheck({ signal: session.signal });
  if (problems.length > 0) return { state: "failed", detail: problems.join("; ") };
  return {
    state: "ok",
    detail: `${path}; verify its rows with: ${session.command("substrate verify")}`,
  };
}

async function meshCache(session: Session): Promise<Finding> {
  const path = session.layout.meshCacheRoot;
  const stats = await lstat(path).catch(absent);
  if (stats === undefined) {
    return { state: "absent", detail: `${path} does not exist yet`, next: "mesh publish --help" };
  }
  if (process.platform !== "win32" && (stats.mode & 0o022) !== 0) {
    return { state: "failed", detail: `${path} may be written by others; chmod go-w ${path}` };
  }
  return { state: "ok", detail: path };
}

async function broker(session: Session, name: "substrate" | "franklin"): Promise<Finding> {
  const url = (await session.brokers())[name];
  const { hostname, port } = new URL(url);
  const answer = await greeting(hostname, port === "" ? 4222 : Number(port));
  if (answer.startsWith("INFO ")) return { state: "ok", detail: url };
  return answer === ""
    ? { state: "absent", detail: `nothing answers at ${url}`, next: "cell start" }
    : { state: "failed", detail: `${url} is not a NATS server` };
}

function greeting(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const answer = (text: string): void => {
      socket.destroy();
      resolve(text);
    };
    socket.setTimeout(probeTimeoutMs, () => answer(""));
    socket.once("data", (chunk) => answer(chunk.toString("latin1")));
    socket.once("error", () => answer(""));
    socket.once("end", () => answer(""));
  });
}

async function cell(session: Session): Promise<Finding> {
  const holder = lockHolder(session.layout.lockPath);
  const state = await readRuntimeState(session.layout);
  if (holder === undefined) {
    const detail =
      state === undefined ? "not running" : "not running; it was not shut down the last time";
    return { state: "absent", detail, next: "cell start" };
  }
  const held = (await session.keys.list()).filter(({ context }) => !isFederationContext(context));
  // One that was made since the cell last looked is not admitted yet.
  const operator = held.find(({ context }) => context === defaultOperator) ?? held[0];
  if (operator === undefined) return { state: "ok", detail: `process ${holder.pid}` };
  await using client = await FranklinClient.connect({
    socketPath: session.layout.socketPath,
    operatorContext: operator.context,
    privateKey: await session.keys.load(operator.context),
    signal: session.signal,
  });
  return {
    state: "ok",
    detail: `process ${holder.pid} accepts operator ${client.operatorContext} on ${session.layout.socketPath}`,
  };
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}
