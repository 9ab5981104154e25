import { Command, CommanderError } from "commander";
import { addCellCommands } from "./cell-commands.js";
import { CommandError } from "./command-error.js";
import { addDevCommand } from "./dev-command.js";
import { addDoctorCommand } from "./doctor-command.js";
import { failureOf } from "./failure.js";
import { addFranklinCommands } from "./franklin-commands.js";
import { addKeysCommands } from "./keys-commands.js";
import { addMeshCommands } from "./mesh-commands.js";
import { addNetCommands } from "./net-commands.js";
import { type ExitCode, exitCodes, Output } from "./output.js";
import type { RunCommand } from "./run-command.js";
import { Session } from "./session.js";
import { addSubscribeCommand } from "./subscribe-command.js";
import { addSubstrateCommands } from "./substrate-commands.js";
import { addTasksCommands } from "./tasks-commands.js";

export interface RunOptions {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly version: string;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

interface GlobalOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly home?: string;
}

/** Runs one command line and says with what code the process should end (cell format, section 8). */
export async function runCommandLine(options: RunOptions): Promise<ExitCode> {
  const { stdout, stderr } = options;
  let exitCode: ExitCode = exitCodes.ok;
  let session: Session | undefined;
  let output = new Output({ json: options.argv.includes("--json"), quiet: false, stdout, stderr });

  const program = new Command("gaiaftcl")
    .description("sign, distribute, load, run and audit code and records that can be verified")
    .version(options.version)
    .option("--json", "write one JSON record a line", false)
    .option("--home <directory>", "the home of the cell instead of ~/.gaiaftcl")
    .option("--quiet", "write results and errors only", false)
    .showSuggestionAfterError()
    .showHelpAfterError("(gaiaftcl --help lists the commands)")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
    });

  const run: RunCommand =
    (body) =>
    async (...args) => {
      const { json, quiet, home } = program.opts<GlobalOptions>();
      output = new Output({ json, quiet, stdout, stderr });
      if (home === "") {
        // An unset variable of a script; its keys would be made in the working directory.
        throw new CommandError("USAGE", "--home: expected a directory, found nothing", "--help");
      }
      session = new Session({ home, output, signal: options.signal, env: options.env });
      const returned = await body(session, ...args);
      exitCode = typeof returned === "number" ? returned : exitCodes.ok;
    };
  addDevCommand(program, run);
  addCellCommands(program, run);
  addKeysCommands(program, run);
  addMeshCommands(program, run);
  addFranklinCommands(program, run);
  addSubstrateCommands(program, run);
  addSubscribeCommand(program, run);
  addTasksCommands(program, run);
  addNetCommands(program, run);
  addDoctorCommand(program, run);

  try {
    await program.parseAsync([...options.argv], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return exitCodes.ok;
      // People have read it on stderr already; a program gets its record.
      if (output.json) {
        const message = error.message.replace(/^error: /, "");
        output.failure({ code: "USAGE", message, next: "gaiaftcl --help" });
      }
      return exitCodes.usage;
    }
    const failure = failureOf(error, session);
    output.failure({ code: failure.code, message: failure.message, next: failure.next });
    return failure.exitCode;
  }
}
