import { decodeBundle, encodeBundle, type SnapshotBundle } from "./bundle.js";
import { CortexError, NetDbError, reasonOf } from "./cortex-error.js";
import type { EventLog, LogStore } from "./event-log.js";
import { memoriesModel } from "./memories.js";
import { MemoriesAdapter } from "./memories-adapter.js";
import type { OpenOptions } from "./open-model.js";
import { tasksModel } from "./tasks.js";
import { TasksAdapter } from "./tasks-adapter.js";

export interface NetDbOptions extends Omit<OpenOptions, "restore"> {
  /** Where the models' logs are. It is not closed with the NetDb. */
  readonly store: LogStore;
  /** Whether the logs are kept on disk; the store must have a directory for it. */
  readonly persistent?: boolean | undefined;
  readonly withTasks?: boolean | undefined;
  readonly withMemories?: boolean | undefined;
}

/** The tasks and memories models in one handle (section 11). */
export class NetDb implements AsyncDisposable {
  readonly #tasks: TasksAdapter | undefined;
  readonly #memories: MemoriesAdapter | undefined;

  private constructor(tasks: TasksAdapter | undefined, memories: MemoriesAdapter | undefined) {
    this.#tasks = tasks;
    this.#memories = memories;
  }

  /**
   * Opens the models asked for, tasks first.
   * @throws NetDbError `NO_MODEL` when none is; CortexError as `openModel` does
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
    if (options.withTasks !== true && options.withMemories !== true) {
      throw new NetDbError(
        "NO_MODEL",
        "NetDb must include at least one model; call with_tasks() or with_memories()",
      );
    }
    let tasks: TasksAdapter | undefined;
    if (options.withTasks === true) {
      const { tasks: restore } = bundle;
      tasks = await within(`NetDb ${restore ? "restore" : "open"} tasks`, async () =>
        TasksAdapter.open(await openLog(options, tasksModel.channel), { ...options, restore }),
      );
    }
    if (options.withMemories !== true) return new NetDb(tasks, undefined);
    try {
      const { memories: restore } = bundle;
      const memories = await within(`NetDb ${restore ? "restore" : "open"} memories`, async () =>
        MemoriesAdapter.open(await openLog(options, memoriesModel.channel), {
          ...options,
          restore,
        }),
      );
      return new NetDb(tasks, memories);
    } catch (error) {
      tasks?.close();
      throw error;
    }
  }

  /** @throws NetDbError `NO_MODEL` when the NetDb was opened without tasks */
  get tasks(): TasksAdapter {
    return this.#tasks ?? noModel("tasks");
  }

  /** @throws NetDbError `NO_MODEL` when the NetDb was opened without memories */
  get memories(): MemoriesAdapter {
    return this.#memories ?? noModel("memories");
  }

  get hasTasks(): boolean {
    return this.#tasks !== undefined;
  }

  get hasMemories(): boolean {
    return this.#memories !== undefined;
  }

  /**
   * The state of every model, for `openFromSnapshot` and for NetDbs of other languages (section 11).
   * @throws NetDbError when a state cannot be encoded
   */
  snapshot(): Uint8Array {
    try {
      return encodeBundle({
        tasks: this.#tasks?.snapshot(),
        memories: this.#memories?.snapshot(),
      });
    } catch (error) {
      throw new NetDbError("INVALID_ARGUMENT", `encode snapshot: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }

  /** Closes the adapters; logs are neither closed nor synced. Idempotent. */
  close(): void {
    this.#tasks?.close();
    this.#memories?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

async function openLog(options: NetDbOptions, channel: string): Promise<EventLog> {
  try {
    return await options.store.openFile(channel, { persistent: options.persistent === true });
  } catch (error) {
    throw new CortexError("LOG", `redex: ${reasonOf(error)}`, { cause: error });
  }
}

async function within<T>(context: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof CortexError)) throw error;
    throw new CortexError(error.code, `${context}: ${error.text}`, { cause: error });
  }
}

function noModel(name: string): never {
  throw new NetDbError(
    "NO_MODEL",
    `model '${name}' was not included in this NetDb; open it with ${name === "tasks" ? "withTasks" : "withMemories"}: true`,
  );
}
