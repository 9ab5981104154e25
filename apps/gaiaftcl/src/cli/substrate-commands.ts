import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  encodeEvidence,
  openSealed,
  type ReadOptions,
  type SealedReader,
  type SealedRow,
  type TableVerification,
} from "@gaiaftcl/sealed-reader";
import { SEALED_TABLES, sealedTable } from "@gaiaftcl/sealed-row";
import type { Command } from "commander";
import { wholeNumber } from "./argument-parsers.js";
import { CommandError } from "./command-error.js";
import { type ExitCode, exitCodes } from "./output.js";
import { reportLines } from "./report-lines.js";
import { rowLine, rowRecord } from "./row-output.js";
import type { RunCommand } from "./run-command.js";
import type { Session } from "./session.js";

/** The tables by the words of the command line. */
const tablesByWord = {
  heartbeats: "franklin_heartbeat_history",
  evidence: "qc020_joint_variation_evidence",
  telemetry: "research_telemetry",
  evaluations: "constitutional_evaluations",
  developments: "substrate_developments",
  submissions: "production_submissions",
  commands: "franklin_commands",
} as const;

interface DatabaseOptions {
  readonly database?: string;
  readonly signed: boolean;
}

interface RowOptions extends DatabaseOptions {
  readonly since?: string;
  readonly until?: string;
  readonly limit?: number;
  readonly session?: string;
  readonly follow: boolean;
  readonly explain: boolean;
}

/** `substrate …`: read and verify the sealed tables (cell format, sections 5 and 8). */
export function addSubstrateCommands(program: Command, run: RunCommand): void {
  const substrate = program
    .command("substrate")
    .description("read and verify the sealed tables; the cell need not run");
  const command = (usage: string, description: string): Command =>
    substrate
      .command(usage)
      .description(description)
      .option("--database <file>", "another database than the one of this home")
      .option("--signed", "demand that the five federation keys have cosigned every row", false);

  for (const [word, table] of Object.entries(tablesByWord)) {
    command(word, `the rows of ${table}, each verified`)
      .option("--since <time>", "sealed at or after this time (ISO 8601)")
      .option("--until <time>", "sealed before this time (ISO 8601)")
      .option("--limit <count>", "at most so many rows", wholeNumber)
      .option("--session <id>", "of this session only, where the table has one")
      .option("--follow", "go on with new rows until Ctrl-C", false)
      .option("--explain", "show every check of each row", false)
      .action(run((session, options: RowOptions) => list(session, table, options)));
  }
  command("verify [table]", "verify every row of one table or of all, and the chain between them")
    .option("--explain", "show what failed, row by row", false)
    .action(
      run((session, table: string | undefined, options: DatabaseOptions & { explain: boolean }) =>
        verify(session, table, options),
      ),
    );
  command("checkpoint <table>", "count and last hash of a table, to compare against later")
    .option("--out <file>", "write the checkpoint to this file")
    .option("--compare <file>", "compare with the checkpoint in this file")
    .action(run(checkpoint));
  command(
    "evidence-bundle <table> <witness-hash>",
    "one row with all that verifying it offline needs",
  )
    .option("--out <file>", "write the bundle to this file")
    .action(run(evidenceBundle));
}

async function open(session: Session, options: DatabaseOptions): Promise<SealedReader> {
  const keys = await session.rowKeys(options.signed);
  return await openSealed(
    options.database === undefined ? session.layout.databasePath : resolve(options.database),
    { keys, signal: session.signal },
  );
}

async function list(session: Session, table: string, options: RowOptions): Promise<ExitCode> {
  await using reader = await open(session, options);
  let failed = 0;
  for await (const sealed of rowsOf(reader, table, options, session.signal)) {
    if (!sealed.report.ok) failed += 1;
    session.output.result(rowRecord(table, sealed), () => [
      rowLine(table, sealed),
      ...(options.explain ? reportLines(sealed.report) : []),
    ]);
  }
  return failed === 0 ? exitCodes.ok : exitCodes.refused;
}

async function* rowsOf(
  reader: SealedReader,
  table: string,
  options: RowOptions,
  signal: AbortSignal,
): AsyncGenerator<SealedRow, void, undefined> {
  const { since, until, limit, session } = options;
  const filter: ReadOptions = { since, until, limit, session, signal };
  let last: bigint | undefined;
  for await (const row of reader.read(table, filter)) {
    last = row.seq;
    yield row;
  }
  if (!options.follow) return;
  try {
    yield* reader.follow(table, { afterSeq: last ?? (await reader.lastSeq(table)) ?? 0n, signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function verify(
  session: Session,
  name: string | undefined,
  options: DatabaseOptions & { readonly explain: boolean },
): Promise<ExitCode> {
  await using reader = await open(session, options);
  const onProgress = ({
    table,
    rows,
    expected,
  }: {
    table: string;
    rows: number;
    expected: number;
  }) => session.output.progress(`${table}: ${rows} of ${expected} rows`);
  const { signal } = session;
  if (name !== undefined) {
    const verified = await reader.verifyAll(tableNamed(name), { onProgress, signal });
    reportTable(session, verified, options.explain);
    return verified.ok ? exitCodes.ok : exitCodes.refused;
  }
  const all = await reader.verifyAll(undefined, { onProgress, signal });
  for (const table of all.tables) reportTable(session, table, options.explain);
  session.output.result(
    {
      kind: "database-verification",
      derived: { ok: all.ok, summary: all.summary, absent: all.absent },
    },
    () => `${all.ok ? "verified" : "FAILED"} database: ${all.summary}`,
  );
  return all.ok ? exitCodes.ok : exitCodes.refused;
}

function reportTable(session: Session, verified: TableVerification, explain: boolean): void {
  session.output.result({ kind: "table-verification", derived: verified }, () => [
    `${verified.ok ? "verified" : "FAILED"} ${verified.table}: level ${verified.level}; ${verified.summary}`,
    ...verified.notes.map((note) => `  note: ${note}`),
    ...(explain ? verified.failures.flatMap(({ report }) => reportLines(report)) : []),
  ]);
}

async function checkpoint(
  session: Session,
  name: string,
  options: DatabaseOptions & { readonly out?: string; readonly compare?: string },
): Promise<ExitCode> {
  await using reader = await open(session, options);
  const table = tableNamed(name);
  if (options.compare !== undefined) {
    const previous = decodeCheckpoint(await readFile(options.compare));
    const compared = await reader.compareCheckpoint(previous);
    session.output.result(
      { kind: "checkpoint-comparison", derived: compared },
      () =>
        `${compared.ok ? "verified" : "FAILED"} ${table}: ${compared.status}; ${compared.detail}`,
    );
    return compared.ok ? exitCodes.ok : exitCodes.refused;
  }
  const taken: Checkpoint = await reader.checkpoint(table);
  if (options.out !== undefined) await writeFile(options.out, `${encodeCheckpoint(taken)}\n`);
  session.output.result(
    { kind: "checkpoint", derived: taken },
    () => `${table}: ${taken.count} rows, last hash ${taken.lastHash ?? "none"}`,
  );
  return exitCodes.ok;
}

async function evidenceBundle(
  session: Session,
  name: string,
  witnessHash: string,
  options: DatabaseOptions & { readonly out?: string },
): Promise<void> {
  await using reader = await open(session, options);
  const table = tableNamed(name);
  const row = await reader.find(table, witnessHash);
  if (row === undefined) {
    throw new CommandError(
      "NOT_FOUND",
      `no row of ${table} has the witness hash ${witnessHash}`,
      `substrate ${name}`,
    );
  }
  const bundle = await reader.evidence(row);
  const text = encodeEvidence(bundle);
  if (options.out !== undefined) await writeFile(options.out, `${text}\n`);
  session.output.result({ kind: "evidence-bundle", signed: bundle }, () =>
    options.out === undefined ? text : `written to ${options.out}`,
  );
}

function tableNamed(name: string): string {
  const byWord = Object.hasOwn(tablesByWord, name)
    ? tablesByWord[name as keyof typeof tablesByWord]
    : undefined;
  const table = byWord ?? sealedTable(name)?.name;
  if (table !== undefined) return table;
  const known = [...Object.keys(tablesByWord), ...SEALED_TABLES.map((each) => each.name)];
  throw new CommandError(
    "USAGE",
    `unknown table ${JSON.stringify(name)}; known are ${known.join(", ")}`,
    "substrate --help",
  );
}
