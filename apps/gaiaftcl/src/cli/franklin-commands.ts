import {
  FranklinClient,
  type RequestSettings,
  type VerifiedResponse,
} from "@gaiaftcl/franklin-socket/client";
import type { Command } from "commander";
import { wholeNumber } from "./argument-parsers.js";
import { CommandError } from "./command-error.js";
import { defaultOperator } from "./operators.js";
import { type ExitCode, exitCodes } from "./output.js";
import { levelLine, reportLines } from "./report-lines.js";
import type { RunCommand } from "./run-command.js";
import type { Session } from "./session.js";

interface OperatorOptions {
  readonly as: string;
  readonly explain: boolean;
}

/** `franklin show|compose|advance|evaluate|replay` (cell format, sections 6 and 8). */
export function addFranklinCommands(program: Command, run: RunCommand): void {
  const franklin = program
    .command("franklin")
    .description("ask the running cell, as one of its operators");
  const verb = (usage: string, description: string): Command =>
    franklin
      .command(usage)
      .description(description)
      .option("--as <operator>", "the operator to speak as", defaultOperator)
      .option("--explain", "show every check of the response", false);

  verb("show", "what the daemon may do, and within which bounds").action(
    run((session, options: OperatorOptions) =>
      ask(session, options, (client, settings) => client.franklinAuthorityShow(settings)),
    ),
  );
  verb("compose", "compose a QC020 measurement and seal its evidence")
    .option("--seed <hex>", "the session's seed, 64 hex digits; random unless given")
    .option("--extranonces <count>", "extranonces, one row of evidence each", wholeNumber)
    .option("--nonces <count>", "nonces for each extranonce", wholeNumber)
    .action(
      run(
        (
          session,
          options: OperatorOptions & {
            readonly seed?: string;
            readonly extranonces?: number;
            readonly nonces?: number;
          },
        ) =>
          ask(session, options, (client, settings) =>
            client.composeQc020Measurement(
              {
                ...(options.seed === undefined ? {} : { sessionSeedHex: options.seed }),
                ...(options.extranonces === undefined
                  ? {}
                  : { extranonceCount: options.extranonces }),
                ...(options.nonces === undefined ? {} : { noncesPerExtranonce: options.nonces }),
              },
              settings,
            ),
          ),
      ),
    );
  verb("advance <submission>", "take a production submission one stage further")
    .option("--session <id>", "the session whose evidence it rests on")
    .action(
      run(
        (session, submissionId: string, options: OperatorOptions & { readonly session?: string }) =>
          ask(session, options, (client, settings) =>
            client.advanceProductionSubmissionPath(
              { submissionId, ...sessionId(options.session) },
              settings,
            ),
          ),
      ),
    );
  verb("evaluate [algorithm]", "evaluate one algorithm over the evidence, or all of them")
    .option("--session <id>", "the session to evaluate; the newest unless given")
    .action(
      run(
        (
          session,
          algorithm: string | undefined,
          options: OperatorOptions & { readonly session?: string },
        ) =>
          ask(session, options, (client, settings) =>
            algorithm === undefined
              ? client.evaluateAllAlgorithms(sessionId(options.session), settings)
              : client.evaluateAlgorithm({ algorithm, ...sessionId(options.session) }, settings),
          ),
      ),
    );
  verb("replay <session>", "recompute a session and seal whether it is bit-exact").action(
    run((session, replayed: string, options: OperatorOptions) =>
      ask(session, options, (client, settings) => client.replaySession(replayed, settings)),
    ),
  );
}

function sessionId(id: string | undefined): { readonly sessionId?: string } {
  return id === undefined ? {} : { sessionId: id };
}

async function ask(
  session: Session,
  options: OperatorOptions,
  request: (client: FranklinClient, settings: RequestSettings) => Promise<VerifiedResponse>,
): Promise<ExitCode> {
  await using client = await FranklinClient.connect({
    socketPath: session.layout.socketPath,
    operatorContext: options.as,
    privateKey: await session.keys.load(options.as),
    federationKeys: await session.federationKeys(),
    // The daemon holds no federation keys: its responses prove consistency, and rows are cosigned later.
    requireSignedResponses: false,
    signal: session.signal,
  });
  const { signal } = session;
  const { outcome, report, seal } = await request(client, { signal }).catch((cause: unknown) => {
    if (!signal.aborted) throw cause;
    // The cell cancels what it still can once the connection is closed, and seals that it did.
    throw new CommandError(
      "BLOCKED",
      "the command ended before the cell answered",
      "substrate commands",
      { cause },
    );
  });
  session.output.result(
    {
      kind: "franklin-response",
      signed: {
        outcome,
        canonical_witness: seal.canonicalWitness,
        witness_hash: seal.witnessHash,
        signature_quintet: seal.quintet,
      },
      derived: { report },
    },
    () => [
      ...outcomeLines(outcome),
      levelLine("response", report),
      ...(options.explain ? reportLines(report) : []),
    ],
  );
  if (outcome.status === "ok") return exitCodes.ok;
  return outcome.status === "refused" ? exitCodes.refused : exitCodes.blocked;
}

function outcomeLines(outcome: VerifiedResponse["outcome"]): string[] {
  return Object.entries(outcome).map(
    ([name, value]) =>
      `${name.padEnd(24)} ${typeof value === "string" ? value : JSON.stringify(value, bigintAsText)}`,
  );
}

function bigintAsText(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
