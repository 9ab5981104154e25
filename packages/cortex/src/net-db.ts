import { Redex } from "@gaiaftcl/redex";
import { decodeBundle, encodeBundle, type SnapshotBundle } from "./bundle.js";
import { CortexError, logReasonOf, NetDbError, reasonOf, within } from "./cortex-error.js";
import type { EventLog, LogStore } from "./event-log.js";
import { memoriesModel } from "./memories.js";
import { MemoriesAdapter } from "./memories-adapter.js";
import { foldLog, type OpenOptions } from "./open-model.js";
import { tasksModel } from "./tasks.js";
import { TasksAdapter } from "./tasks-adapter.js";

export interface NetDbOptions extends Omit<OpenOptions, "restore"> {
  /** Where the logs are kept; the NetDb is the directory's only writer until it is closed. */
  readonly directory?: string | undefined;
  /**
   * Logs that are open already, instead of a directory; closed by whoever opened them. Without
   * either, the logs are in memory.
   */
  readonly store?: LogStore | undefined;
  readonly withTasks?: boolean | undefined;
  readonly withMemories?: boolean | undefined;
}

interface Parts {
  readonly owned: Redex | undefined;
  readonly tasks: TasksAdapter | undefined;
  readonly memories: MemoriesAdapter | undefined;
}

/** The tasks and memories models in one handle (CortEX format, section 11). */
export class NetDb implements AsyncDisposable {
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Opens the models asked for, tasks first.
   * @throws NetDbError `NO_MODEL` when none is; CortexError as `openModel` does, `LOG`
   */
  static open(options: NetDbOptions): Promise<NetDb> {
    return NetDb.#open(options, { tasks: undefined, memories: undefined });
  }

  /**
   * Opens the models asked for from what `snapshot` returned. A model that is not in the bundle opens
   * from its log alone; one that is not asked for is ignored. The logs must be those that the bundle
   * was taken from: over a shorter one the state can be read, but not written.
   * @throws NetDbError `DECODE` for bytes that are no bundle, and as `open` does
   */
  static async openFromSnapshot(bundle: Uint8Array, options: NetDbOptions): Promise<NetDb> {
    return NetDb.#open(options, decodeBundle(bundle));
  }

  static async #open(options: NetDbOptions, bundle: SnapshotBundle): Promise<NetDb> {
    const { directory, withTasks = false, withMemories = false } = options;
    if (!withTasks && !withMemories) {
      throw new NetDbError(
        "NO_MODEL",
        "NetDb must include at least one model; call with_tasks() or with_memories()",
      );
    }
    if (directory !== undefined && options.store !== undefined) {
      throw new NetDbError("INVALID_ARGUMENT", "expected a directory or a store, found both");
    }
    const owned = options.store === undefined ? await openRedex(directory) : undefined;
    const store = (options.store ?? owned) as LogStore;
    const context = (name: "tasks" | "memories"): string =>
      `NetDb ${bundle[name] === undefined ? "open" : "restore"} ${name}`;
    let tasks: TasksAdapter | undefined;
    let memories: MemoriesAdapter | undefined;
    try {
      if (withTasks) {
        tasks = await within(context("tasks"), async () => {
          const log = await openLog(store, tasksModel.channel);
          const start = { ...options, restore: bundle.tasks };
          return new TasksAdapter(tasksModel, log, await foldLog(tasksModel, log, start));
        });
      }
      if (withMemories) {
        memories = await within(context("memories"), async () => {
          const log = await openLog(store, memoriesModel.channel);
          const start = { ...options, restore: bundle.memories };
          return new MemoriesAdapter(memoriesModel, log, await foldLog(memoriesModel, log, start));
        });
      }
    } catch (error) {
      tasks?.close();
      await owned?.close();
      throw error;
    }
    return new NetDb({ owned, tasks, memories });
  }

  /** @throws NetDbError `NO_MODEL` when the NetDb was opened without tasks */
  get tasks(): TasksAdapter {
    return this.#parts.tasks ?? noModel("tasks");
  }

  /** @throws NetDbError `NO_MODEL` when the NetDb was opened without memories */
  get memories(): MemoriesAdapter {
    return this.#parts.memories ?? noModel("memories");
  }

  get hasTasks(): boolean {
    return this.#parts.tasks !== undefined;
  }

  get hasMemories(): boolean {
    return this.#parts.memories !== undefined;
  }

  /**
   * The state of every model, for `openFromSnapshot` and for NetDbs of other languages (CortEX
   * format, section 11). The models are taken one after the other, tasks first.
   * @throws NetDbError when a state cannot be encoded
   */
  snapshot(): Uint8Array {
    try {
      return encodeBundle({
        tasks: this.#parts.tasks?.snapshot(),
        memories: this.#parts.memories?.snapshot(),
      });
    } catch (error) {
      throw new NetDbError("INVALID_ARGUMENT", `encode snapshot: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }

  /**
   * Closes the adapters, and the logs if the NetDb has opened them, fsyncing them once. What was
   * folded stays readable. Idempotent.
   */
  async close(): Promise<void> {
    const { owned, tasks, memories } = this.#parts;
    tasks?.close();
    memories?.close();
    await owned?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function openRedex(directory: string | undefined): Promise<Redex> {
  try {
    return await Redex.open(directory);
  } catch (error) {
    throw new CortexError("LOG", `NetDb open: redex: ${logReasonOf(error)}`, { cause: error });
  }
}

async function openLog(store: LogStore, channel: string): Promise<EventLog> {
  try {
    return await store.openFile(channel);
  } catch (error) {
    throw new CortexError("LOG", `redex: ${logReasonOf(error)}`, { cause: error });
  }
}

function noModel(name: "tasks" | "memories"): never {
  const option = name === "tasks" ? "withTasks" : "withMemories";
  throw new NetDbError(
    "NO_MODEL",
    `model '${name}' was not included in this NetDb; open it with ${option}: true`,
  );
}
