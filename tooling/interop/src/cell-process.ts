import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RuntimeState, readRuntimeState } from "@gaiaftcl/cell";
import { type CellLayout, cellLayout } from "@gaiaftcl/cell-layout";
import { FranklinClient } from "@gaiaftcl/franklin-socket/client";
import { KeyStore } from "@gaiaftcl/key-store";
import { freePort, Program } from "@gaiaftcl/peers";

const daemonMain = fileURLToPath(import.meta.resolve("@gaiaftcl/cell/main"));
export const commandLineMain = fileURLToPath(import.meta.resolve("gaiaftcl/main"));

const COMMAND_MS = 110_000;

/** What a command printed, in whole lines, and how it ended: -1 when by a signal. */
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

/** A daemon in a process of its own. */
export class DaemonProcess implements AsyncDisposable {
  readonly program: Program;
  readonly #home: TestHome;

  private constructor(home: TestHome, env: NodeJS.ProcessEnv) {
    this.#home = home;
    this.program = new Program(process.execPath, [daemonMain, "--home", home.layout.home], { env });
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

  async ready(): Promise<RuntimeState> {
    return await this.program.ready("to be ready", async () => {
      const state = await readRuntimeState(this.#home.layout);
      return state?.pid === this.program.pid ? state : undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }
}

/** Runs a program to its end, which is brought about when it takes too long. */
export async function runCommand(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  user: { readonly uid: number; readonly gid: number } | undefined = undefined,
): Promise<CommandResult> {
  let stdout = "";
  await using program = new Program(command, args, {
    env,
    ...(user !== undefined && { user }),
    onLine: (line) => {
      stdout += `${line}\n`;
    },
  });
  const tooLong = setTimeout(() => program.signal("SIGTERM"), COMMAND_MS);
  const { code } = await program.exited;
  clearTimeout(tooLong);
  return { code: code ?? -1, stdout, stderr: program.log === "" ? "" : `${program.log}\n` };
}

/** The records of a command's `--json` output. */
export function records(stdout: string): Record<string, unknown>[] {
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
