import { join } from "node:path";
import { openSealed } from "@gaiaftcl/sealed-reader";
import type { Command } from "commander";
import { pino } from "pino";
import { CellWalk } from "../dev/cell-walk.js";
import { makeScratchHome, type ScratchHome } from "../dev/scratch-home.js";
import { type StepResult, walk } from "../dev/walk.js";
import { failureOf } from "./failure.js";
import { type ExitCode, exitCodes } from "./output.js";
import { rowRecord } from "./row-output.js";
import type { RunCommand } from "./run-command.js";
import type { Session } from "./session.js";
import { whereLines } from "./where-lines.js";

const heartbeatTable = "franklin_heartbeat_history";

/** `dev`: a whole cell in a scratch home, walked through once (cell format, section 8). */
export function addDevCommand(program: Command, run: RunCommand): void {
  program
    .command("dev")
    .description("run a complete cell on throw-away keys and walk through the main job")
    .option("--once", "end after the walk, with exit code 0 when every step held", false)
    .action(run(dev));
}

async function dev(session: Session, options: { readonly once: boolean }): Promise<ExitCode> {
  const { output, signal } = session;
  await using home = await makeScratchHome(session.env);
  const logger = pino(pino.destination(join(home.layout.home, "cell.log")));
  await using cellWalk = new CellWalk(home, session.env, logger);
  output.remark(`a cell in a scratch home, ${home.layout.home}`);
  const failed = await walk(cellWalk.steps(), (result) => reportStep(session, result), signal);
  if (signal.aborted) return exitCodes.blocked;
  if (failed !== undefined) {
    output.failure({
      code: "STEP_FAILED",
      message: `the step "${failed.name}" failed; the steps after it were not tried`,
      next: session.command("doctor"),
    });
    return exitCodes.refused;
  }
  reportWhere(session, home, cellWalk);
  if (options.once) return exitCodes.ok;
  await showHeartbeats(session, home);
  output.remark("shutting down");
  return exitCodes.ok;
}

function reportStep(session: Session, result: StepResult): void {
  const milliseconds = Math.round(result.milliseconds);
  const detail = result.ok ? result.detail : failureOf(result.error, session).message;
  session.output.result(
    { kind: "step", derived: { name: result.name, ok: result.ok, detail, milliseconds } },
    () =>
      `${result.ok ? "ok    " : "FAILED"} ${result.name.padEnd(22)} ${String(milliseconds).padStart(6)} ms  ${detail}`,
  );
}

function reportWhere(session: Session, home: ScratchHome, { cell }: CellWalk): void {
  if (cell === undefined) return;
  const { state } = cell;
  session.output.result(
    { kind: "cell", derived: { running: true, persists: false, home: home.layout.home, ...state } },
    () => [
      ...whereLines(home.layout.home, state),
      "  persists   no: the home and everything in it is removed at the end; gaiaftcl cell start keeps a cell",
    ],
  );
}

/** One line that each new heartbeat replaces on a terminal; one line each elsewhere. */
async function showHeartbeats(session: Session, home: ScratchHome): Promise<void> {
  const { output, signal } = session;
  output.remark("the cell stays up; end it with Ctrl-C");
  await using reader = await openSealed(home.layout.databasePath, { signal });
  try {
    for await (const { row, seq, report } of reader.follow(heartbeatTable, {
      signal,
    })) {
      const line = `heartbeat ${seq} at ${row["tick_at_iso"]}, ${report.ok ? "verified" : "FAILED"} (${report.level}), ${row["observations_count"]} observations`;
      if (output.interactive) output.progress(line);
      else
        output.result(
          { ...rowRecord(heartbeatTable, { row, report }), kind: "heartbeat" },
          () => line,
        );
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
