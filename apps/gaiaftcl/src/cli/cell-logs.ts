import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { NetDb, openModel, type TasksAdapter } from "@gaiaftcl/cortex";
import {
  type MeshEventKind,
  type MeshHistoryQueries,
  type MeshOccurrence,
  meshHistoryModel,
} from "@gaiaftcl/mesh-history";
import { Redex, RedexError } from "@gaiaftcl/redex";
import { xxh3 } from "@gaiaftcl/xxh3";
import { CommandError } from "./command-error.js";
import type { Session } from "./session.js";

const patienceMs = 5_000;
const retryMs = 50;

/** The operators' task list of this home, while nobody else writes its logs. */
export async function withTasks<Result>(
  session: Session,
  use: (tasks: TasksAdapter) => Result,
): Promise<Result> {
  await using logs = await openLogs(session);
  const originHash = await originOf(session);
  await using db = await NetDb.open({ store: logs, originHash, withTasks: true });
  return use(db.tasks);
}

/** The history of the mesh cache of this home. */
export async function withMeshHistory<Result>(
  session: Session,
  use: (history: MeshHistoryQueries) => Result,
): Promise<Result> {
  await using logs = await openLogs(session);
  await using history = await openHistory(session, logs);
  return use(history.read);
}

/** Adds to the history. What happened has happened: where it cannot be written, that is a remark. */
export async function recordMeshEvent(
  session: Session,
  kind: MeshEventKind,
  occurrence: Omit<MeshOccurrence, "atNs">,
): Promise<void> {
  try {
    await using logs = await openLogs(session);
    await using history = await openHistory(session, logs);
    history.write(kind, { ...occurrence, atNs: nowNs() });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    session.output.remark(`the history of the mesh cache was not written: ${reason}`);
  }
}

/** Nanoseconds since 1970, as the models count. */
export function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

async function openHistory(session: Session, logs: Redex) {
  const log = await logs.openFile(meshHistoryModel.channel, { persistent: true });
  return await openModel(meshHistoryModel, log, { originHash: await originOf(session) });
}

/** Who writes: each cell has an origin of its own. */
async function originOf(session: Session): Promise<bigint> {
  return xxh3((await session.configuration()).cellId);
}

// A directory of logs has one writer; commands hold it for moments only.
async function openLogs(session: Session): Promise<Redex> {
  const directory = join(session.layout.dataDirectory, "logs");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      return await Redex.open(directory);
    } catch (error) {
      if (!(error instanceof RedexError) || error.code !== "LOCKED") throw error;
      if (performance.now() > deadline) {
        throw new CommandError(
          "BLOCKED",
          `another command writes the logs in ${directory}; try again`,
          "doctor",
          { cause: error },
        );
      }
      await delay(retryMs, undefined, { signal: session.signal });
    }
  }
}
