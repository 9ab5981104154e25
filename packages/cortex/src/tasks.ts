import type { Codec } from "./codec.js";
import { struct } from "./compound-codecs.js";
import { CortexError } from "./cortex-error.js";
import { defineModel, type Model, operation } from "./model.js";
import { commonSelection, type RecordFilter } from "./record-filter.js";
import { string, u64, variant } from "./scalar-codecs.js";
import { Table } from "./table.js";
import { tableCodec } from "./table-codec.js";

export type TaskStatus = "pending" | "completed";

/** A task, as it was when it was asked for. Ids and times are unsigned 64-bit integers. */
export interface Task {
  readonly id: bigint;
  readonly title: string;
  readonly status: TaskStatus;
  readonly createdNs: bigint;
  readonly updatedNs: bigint;
}

/** Which tasks, in which order, how many (CortEX format, section 9.1). */
export interface TaskFilter extends RecordFilter {
  /** Upper and lower case are the same. */
  readonly status?: TaskStatus | undefined;
  /** A part of the title, whatever its case. */
  readonly titleContains?: string | undefined;
}

/** What each operation of the tasks model takes (CortEX format, section 9). */
export interface TaskInputs {
  readonly create: { readonly id: bigint; readonly title: string; readonly nowNs: bigint };
  readonly rename: { readonly id: bigint; readonly title: string; readonly nowNs: bigint };
  readonly complete: { readonly id: bigint; readonly nowNs: bigint };
  readonly delete: { readonly id: bigint };
}

export interface TaskQueries {
  list(filter?: TaskFilter): Task[];
  get(id: bigint): Task | undefined;
  count(): number;
}

export type TaskTable = Table<bigint, Task, "status", "created" | "updated", "title">;

const taskCodec: Codec<Task> = struct({
  id: u64,
  title: string,
  status: variant("pending", "completed"),
  createdNs: u64,
  updatedNs: u64,
});

function taskTable(): TaskTable {
  return new Table({
    id: (task: Task) => task.id,
    groups: { status: (task) => task.status },
    orders: { created: (task) => task.createdNs, updated: (task) => task.updatedNs },
    texts: { title: (task) => task.title },
  });
}

/** The tasks model of Net (CortEX format, section 9): channel `cortex/tasks`, the same bytes. */
export const tasksModel: Model<TaskTable, TaskInputs, TaskQueries> = defineModel({
  channel: "cortex/tasks",
  initial: taskTable,
  snapshot: tableCodec((task) => task.id, u64, taskCodec, taskTable),
  snapshotAt: "applied",
  operations: {
    create: operation(
      0x01,
      struct({ id: u64, title: string, nowNs: u64 }),
      (tasks: TaskTable, { id, title, nowNs }) =>
        tasks.put({ id, title, status: "pending", createdNs: nowNs, updatedNs: nowNs }),
    ),
    rename: operation(
      0x02,
      struct({ id: u64, title: string, nowNs: u64 }),
      (tasks: TaskTable, { id, title, nowNs }) => {
        const task = tasks.get(id);
        return task === undefined ? tasks : tasks.put({ ...task, title, updatedNs: nowNs });
      },
    ),
    complete: operation(
      0x03,
      struct({ id: u64, nowNs: u64 }),
      (tasks: TaskTable, { id, nowNs }) => {
        const task = tasks.get(id);
        if (task === undefined) return tasks;
        return tasks.put({ ...task, status: "completed", updatedNs: nowNs });
      },
    ),
    delete: operation(0x04, struct({ id: u64 }), (tasks: TaskTable, { id }) => tasks.delete(id)),
  },
  queries: (tasks) => ({
    list: (filter = {}) => selectTasks(tasks(), filter),
    get: (id) => tasks().get(id),
    count: () => tasks().size,
  }),
});

function selectTasks(tasks: TaskTable, filter: TaskFilter): Task[] {
  const { status, titleContains } = filter;
  return tasks.select({
    ...commonSelection(filter),
    groups: status === undefined ? [] : [{ group: "status", anyOf: [parseStatus(status)] }],
    texts: titleContains === undefined ? [] : [{ text: "title", part: titleContains }],
  });
}

function parseStatus(text: string): TaskStatus {
  const word = String(text).toLowerCase();
  if (word === "pending" || word === "completed") return word;
  throw new CortexError(
    "INVALID_ARGUMENT",
    `invalid status ${JSON.stringify(text)} (expected 'pending' or 'completed')`,
  );
}
