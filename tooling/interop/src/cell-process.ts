import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type RuntimeState, readRuntimeState } from "@gaiaftcl/cell";
import { type CellLayout, cellLayout } from "@gaiaftcl/cell-layout";
import { FranklinClient } from "@gaiaftcl/franklin-socket/client";
import { KeyStore } from "@gaiaftcl/key-store";

const daemonMain = fileURLToPath(import.meta.resolve("@gaiaftcl/cell/main"));
export const commandLineMain = fileURLToPath(import.meta.resolve("gaiaftcl/main"));

/** What a command printed and how it ended. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A home in a temporary directory, with federation keys and an operator made by the command line. */
export class TestHome implements AsyncDisposable {
  readonly layout: CellLayout;

  private constructor(home: string) {
    this.layout = cellLayout(
      { platform: process.platform, homeDirectory: home, env: {} },
      { home },
    );
  }

  static async make(): Promise<TestHome> {
    const home = new TestHome(await mkdtemp(join(tmpdir(), "gaiaftcl-interop-")));
    const made = await home.gaiaftcl(["keys", "generate"]);
    if (made.code !== 0) throw new Error(made.stderr);
    return home;
  }

  /** Runs the command line on this home. */
  gaiaftcl(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandResult> {
    return runCommand(
      process.execPath,
      [commandLineMain, "--home", this.layout.home, ...args],
      env,
    );
  }

  async connect(): Promise<FranklinClient> {
    return await FranklinClient.connect({
      socketPath: this.layout.socketPath,
      operatorContext: "operator",
      privateKey: await new KeyStore(this.layout.keysDirectory).load("operator"),
      timeoutMs: 20_000,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.layout.home, { recursive: true, force: true });
  }
}

/** Where a daemon of a test finds its brokers: ports that nobody uses, unless the test says otherwise. */
export async function privateBrokers(): Promise<NodeJS.ProcessEnv> {
  const [substrate, franklin] = await Promise.all([freePort(), freePort()]);
  return {
    GAIAFTCL_NATS_URL: `nats://127.0.0.1:${substrate}`,
    GAIAFTCL_FRANKLIN_NATS_URL: `nats://127.0.0.1:${franklin}`,
  };
}

export async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** A daemon in a process of its own. */
export class DaemonProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  readonly #home: TestHome;
  #log = "";

  private constructor(home: TestHome, env: NodeJS.ProcessEnv) {
    this.#home = home;
    this.child = spawn(process.execPath, [daemonMain, "--home", home.layout.home], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.exited = once(this.child, "exit").then(([code, signal]) => ({ code, signal }));
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#log += chunk.toString();
      });
    }
  }

  /** Starts a daemon without waiting for it. */
  static spawn(home: TestHome, env: NodeJS.ProcessEnv): DaemonProcess {
    return new DaemonProcess(home, env);
  }

  /** Starts a daemon and waits until its operators can connect. */
  static async start(home: TestHome, env: NodeJS.ProcessEnv): Promise<DaemonProcess> {
    const daemon = new DaemonProcess(home, env);
    await daemon.ready();
    return daemon;
  }

  get log(): string {
    return this.#log;
  }

  async ready(): Promise<RuntimeState> {
    return await until(`the daemon to be ready`, async () => {
      if (this.child.exitCode !== null) throw new Error(`the daemon ended:\n${this.#log}`);
      const state = await readRuntimeState(this.#home.layout);
      return state?.pid === this.child.pid ? state : undefined;
    });
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill(signal);
    await this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill("SIGKILL");
  }
}

/** Any program that a test starts and ends. */
export class ServerProcess implements AsyncDisposable {
  readonly child: ChildProcess;

  constructor(command: string, args: readonly string[]) {
    this.child = spawn(command, args, { stdio: "ignore" });
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** A real nats-server on a port of 127.0.0.1, once it takes connections. */
export async function startNatsServer(program: string, port: number): Promise<ServerProcess> {
  const server = new ServerProcess(program, ["-a", "127.0.0.1", "-p", String(port)]);
  const { connect } = await import("node:net");
  await until(`nats-server to listen on ${port}`, async () => {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "data");
      return true;
    } catch {
      return undefined;
    } finally {
      socket.destroy();
    }
  });
  return server;
}

/** Polls until there is a value; the limit is generous, as the machine may be busy. */
export async function until<Value>(
  what: string,
  look: () => Promise<Value | undefined> | Value | undefined,
): Promise<Value> {
  const deadline = performance.now() + 60_000;
  while (performance.now() < deadline) {
    const value = await look();
    if (value !== undefined) return value;
    await delay(25);
  }
  throw new Error(`waited in vain for ${what}`);
}

export function runCommand(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  user: { readonly uid: number; readonly gid: number } | undefined = undefined,
): Promise<CommandResult> {
  return new Promise((resolve) => {
    execFile(
      command,
      args,
      { env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024, timeout: 110_000, ...user },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
        resolve({ code, stdout, stderr });
      },
    );
  });
}

/** The records of a command's `--json` output. */
export function records(stdout: string): Record<string, unknown>[] {
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
