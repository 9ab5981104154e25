import { stat } from "node:fs/promises";
import {
  type SubscribedMessage,
  type Subscription,
  type SubscriptionStatus,
  subscribe,
} from "@gaiaftcl/nats-subscribe";
import type { Command } from "commander";
import { subscribeToCell } from "../subscribe-to-cell.js";
import { wholeNumber } from "./argument-parsers.js";
import { CommandError } from "./command-error.js";
import { type ExitCode, exitCodes } from "./output.js";
import { printable } from "./printable.js";
import { reportLines } from "./report-lines.js";
import { rowLine, rowRecord } from "./row-output.js";
import type { RunCommand } from "./run-command.js";
import type { Session } from "./session.js";
import { StatusLines } from "./status-lines.js";

interface SubscribeOptions {
  readonly confirm: boolean;
  readonly signed: boolean;
  readonly count?: number;
  readonly explain: boolean;
}

/** `subscribe <subject>`: messages as they come, each row with its verdict (cell format, sections 7 and 8). */
export function addSubscribeCommand(program: Command, run: RunCommand): void {
  program
    .command("subscribe <subject...>")
    .description("messages as they are broadcast, each row verified, until Ctrl-C")
    .option("--confirm", "look up each row in the local database", false)
    .option("--signed", "demand that the five federation keys have cosigned every row", false)
    .option("--count <messages>", "end after so many messages", countOfMessages)
    .option("--explain", "show every check of each row", false)
    .action(run(show));
}

function countOfMessages(text: string): number {
  const count = wholeNumber(text);
  if (count > 0) return count;
  throw new CommandError("USAGE", "expected at least 1 message, found 0", "subscribe --help");
}

async function show(
  session: Session,
  subjects: readonly string[],
  options: SubscribeOptions,
): Promise<ExitCode> {
  const { signal } = session;
  await using subscription = await open(session, subjects, options);
  const { count = Number.POSITIVE_INFINITY } = options;
  let seen = 0;
  let failed = 0;
  try {
    for await (const message of subscription) {
      report(session, message, options.explain);
      // A message of a subject that nothing seals is neither good nor bad.
      if (message.report.checks.some(({ status }) => status === "failed")) failed += 1;
      seen += 1;
      if (seen >= count) break;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return failed === 0 ? exitCodes.ok : exitCodes.refused;
}

async function open(
  session: Session,
  subjects: readonly string[],
  options: SubscribeOptions,
): Promise<Subscription> {
  const statuses = new StatusLines();
  const common = {
    urls: await session.brokers(),
    signal: session.signal,
    keys: await session.rowKeys(options.signed),
    onStatus: (status: SubscriptionStatus) => {
      const line = statuses.lineFor(status);
      if (line !== undefined) session.output.remark(line);
    },
  };
  const { databasePath } = session.layout;
  const hasDatabase = await stat(databasePath).then(
    () => true,
    () => false,
  );
  if (!options.confirm && !hasDatabase) return subscribe(subjects, common);
  return await subscribeToCell(subjects, {
    ...common,
    databasePath,
    ...(options.confirm ? { confirm: "database" } : {}),
  });
}

function report(session: Session, message: SubscribedMessage, explained: boolean): void {
  const { subject, origin } = message;
  if (message.kind === "row") {
    session.output.result(rowRecord(message.table, message, { subject, origin }), () => [
      `${origin} ${subject} ${rowLine(message.table, message)}`,
      ...(explained ? reportLines(message.report) : []),
    ]);
    return;
  }
  const payload = Buffer.from(message.payload);
  session.output.result(
    { kind: "event", derived: { subject, origin, payload_base64: payload.toString("base64") } },
    () => `${origin} ${subject} ${printable(payload)}`,
  );
}
