import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type RuntimeState, readRuntimeState } from "@gaiaftcl/cell";
import { lockHolder } from "@gaiaftcl/franklin-socket/server";
import type { Command } from "commander";
import { CommandError } from "./command-error.js";
import { loadOperators } from "./operators.js";
import { type ExitCode, exitCodes } from "./output.js";
import type { RunCommand } from "./run-command.js";
import type { Session } from "./session.js";
import { whereLines } from "./where-lines.js";

const startTimeoutMs = 20_000;
const stopTimeoutMs = 20_000;
const pollMs = 50;

/** `cell start|status|reload|stop` (cell format, section 8). */
export function addCellCommands(program: Command, run: RunCommand): void {
  const cell = program.command("cell").description("start, look at and stop the cell of this home");
  cell
    .command("start")
    .description("start the daemon in the background and wait until it answers")
    .action(run(start));
  cell
    .command("status")
    .description("whether the cell runs, and where everything is")
    .action(run(status));
  cell
    .command("reload")
    .description("let the daemon read operators.toml again")
    .action(run(reload));
  cell
    .command("stop")
    .description("shut the daemon down and wait until it has ended")
    .action(run(stop));
}

async function start(session: Session): Promise<void> {
  const { layout } = session;
  const running = runningPid(session);
  if (running !== undefined) {
    throw new CommandError("BLOCKED", `process ${running} runs this cell already`, "cell status");
  }
  await mkdir(layout.dataDirectory, { recursive: true, mode: 0o700 });
  const logPath = join(layout.dataDirectory, "cell.log");
  const log = await open(logPath, "a", 0o600);
  const { size: logged } = await log.stat();
  const main = fileURLToPath(import.meta.resolve("@gaiaftcl/cell/main"));
  const homeArguments = session.homeOption === "" ? [] : ["--home", layout.home];
  const child = spawn(process.execPath, [main, ...homeArguments], {
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
    env: session.env,
  });
  await log.close();
  // The daemon goes on when this process ends, and this process does not wait for it.
  child.unref();
  const state = await waitUntilReady(session, child);
  if (state === undefined) {
    const reason = await lastFault(logPath, logged);
    throw new CommandError(
      "BLOCKED",
      `the daemon did not start${reason === undefined ? "" : `: ${reason}`}; its log is ${logPath}`,
      "doctor",
    );
  }
  reportState(session, state, "started");
}

/** The state of the daemon once it answers; undefined when it ended instead. */
async function waitUntilReady(
  session: Session,
  daemon: ChildProcess,
): Promise<RuntimeState | undefined> {
  const deadline = performance.now() + startTimeoutMs;
  while (performance.now() < deadline) {
    const state = await readRuntimeState(session.layout);
    if (state !== undefined && state.pid === daemon.pid) return state;
    if (daemon.exitCode !== null || daemon.signalCode !== null) return undefined;
    await delay(pollMs, undefined, { signal: session.signal });
  }
  throw new CommandError(
    "BLOCKED",
    `the daemon was not ready within ${startTimeoutMs / 1000} s`,
    "cell status",
  );
}

/** What a daemon said last, in the part of its log that it wrote itself. */
async function lastFault(logPath: string, from: number): Promise<string | undefined> {
  const written = (await readFile(logPath)).subarray(from).toString("utf8").trimEnd();
  const last = written.slice(written.lastIndexOf("\n") + 1);
  try {
    const message: unknown = Reflect.get(JSON.parse(last) as object, "msg");
    return typeof message === "string" ? message : undefined;
  } catch {
    // A full disk cut the line, or the runtime wrote it before the daemon had a log.
    const [, message] = /"message":"((?:[^"\\]|\\.)*)"/.exec(last) ?? [];
    return message ?? (last === "" ? undefined : last);
  }
}

async function status(session: Session): Promise<ExitCode> {
  const pid = runningPid(session);
  const state = await readRuntimeState(session.layout);
  if (pid === undefined || state === undefined || state.pid !== pid) {
    session.output.result(
      { kind: "cell", derived: { running: false, home: session.layout.home } },
      () =>
        `no cell runs in ${session.layout.home}; start one with: ${session.command("cell start")}`,
    );
    return exitCodes.blocked;
  }
  reportState(session, state, "running");
  return exitCodes.ok;
}

async function reload(session: Session): Promise<void> {
  const pid = ensureRunning(session);
  // A file that cannot be used is told here; the daemon would keep its operators and only log it.
  const operators = await loadOperators(session);
  process.kill(pid, "SIGHUP");
  session.output.result(
    { kind: "cell", derived: { running: true, pid, operators: [...operators.keys()] } },
    () => `told process ${pid} to read ${session.layout.operatorsPath} again`,
  );
}

function ensureRunning(session: Session): number {
  const pid = runningPid(session);
  if (pid !== undefined) return pid;
  throw new CommandError("BLOCKED", `no cell runs in ${session.layout.home}`, "cell start");
}

async function stop(session: Session): Promise<void> {
  const pid = ensureRunning(session);
  process.kill(pid, "SIGTERM");
  const deadline = performance.now() + stopTimeoutMs;
  // The lock ends with the process, also where nobody collects its exit code.
  while (runningPid(session) === pid) {
    if (performance.now() > deadline) {
      throw new CommandError(
        "BLOCKED",
        `process ${pid} did not end within ${stopTimeoutMs / 1000} s`,
        "cell status",
      );
    }
    await delay(pollMs, undefined, { signal: session.signal });
  }
  session.output.result(
    { kind: "cell", derived: { running: false, pid, home: session.layout.home } },
    () => `stopped the cell of ${session.layout.home} (process ${pid})`,
  );
}

/** The process that holds the lock of this home: the lock, not the state file, says who runs. */
function runningPid(session: Session): number | undefined {
  return lockHolder(session.layout.lockPath)?.pid;
}

function reportState(session: Session, state: RuntimeState, what: "started" | "running"): void {
  session.output.result(
    { kind: "cell", derived: { running: true, home: session.layout.home, ...state } },
    () => [
      `${what} cell ${state.cell_id}, process ${state.pid}, since ${state.started_at_iso}`,
      ...whereLines(session.layout.home, state),
    ],
  );
}
