import { within } from "./cortex-error.js";
import type { EventLog } from "./event-log.js";
import { ModelAdapter } from "./model-adapter.js";
import { foldLog, type OpenOptions, openingOf } from "./open-model.js";
import {
  type Task,
  type TaskFilter,
  type TaskInputs,
  type TaskQueries,
  type TaskTable,
  tasksModel,
} from "./tasks.js";
import type { Watch } from "./watch.js";

/**
 * Tasks over a log. Every call that writes appends one event, returns its sequence number, and has
 * been folded when it returns. Ids and times are the caller's, unsigned 64-bit.
 */
export class TasksAdapter extends ModelAdapter<TaskTable, TaskInputs, TaskQueries> {
  /** Resolves when everything already in the log has been folded. @throws as `openModel` does */
  static async open(log: EventLog, options: OpenOptions): Promise<TasksAdapter> {
    return within(
      openingOf("TasksAdapter", options),
      async () => new TasksAdapter(tasksModel, log, await foldLog(tasksModel, log, options)),
    );
  }

  /** Adds a pending task, or replaces the one of this id entirely. */
  create(id: bigint, title: string, nowNs: bigint): bigint {
    return this.write("create", { id, title, nowNs });
  }

  rename(id: bigint, title: string, nowNs: bigint): bigint {
    return this.write("rename", { id, title, nowNs });
  }

  complete(id: bigint, nowNs: bigint): bigint {
    return this.write("complete", { id, nowNs });
  }

  delete(id: bigint): bigint {
    return this.write("delete", { id });
  }

  list(filter: TaskFilter = {}): Task[] {
    return this.read.list(filter);
  }

  get(id: bigint): Task | undefined {
    return this.read.get(id);
  }

  count(): number {
    return this.read.count();
  }

  /** The list now, then whenever it has changed. */
  watchList(
    filter: TaskFilter = {},
    options: { readonly signal?: AbortSignal } = {},
  ): Watch<Task[]> {
    return this.watch((read) => read.list(filter), options);
  }

  /** The list now, and a watch of every later one, with no change lost in between. */
  snapshotAndWatchList(
    filter: TaskFilter = {},
    options: { readonly signal?: AbortSignal } = {},
  ): { readonly snapshot: Task[]; readonly updates: Watch<Task[]> } {
    return this.snapshotAndWatch((read) => read.list(filter), options);
  }
}
