import fc from "fast-check";
import type { Memory, MemoryFilter } from "./memories.js";
import type { MemoriesAdapter } from "./memories-adapter.js";
import type { RecordFilter } from "./record-filter.js";
import type { Task, TaskFilter } from "./tasks.js";
import type { TasksAdapter } from "./tasks-adapter.js";

// The models once more, in the plainest way: a list of operations, replayed and searched in full.

export type TaskStep =
  | {
      readonly op: "create" | "rename";
      readonly id: bigint;
      readonly title: string;
      readonly nowNs: bigint;
    }
  | { readonly op: "complete"; readonly id: bigint; readonly nowNs: bigint }
  | { readonly op: "delete"; readonly id: bigint };

export type MemoryStep =
  | {
      readonly op: "store";
      readonly id: bigint;
      readonly content: string;
      readonly tags: readonly string[];
      readonly source: string;
      readonly nowNs: bigint;
    }
  | {
      readonly op: "retag";
      readonly id: bigint;
      readonly tags: readonly string[];
      readonly nowNs: bigint;
    }
  | { readonly op: "pin" | "unpin"; readonly id: bigint; readonly nowNs: bigint }
  | { readonly op: "delete"; readonly id: bigint };

export function applyTask(adapter: TasksAdapter, step: TaskStep): bigint {
  if (step.op === "delete") return adapter.delete(step.id);
  if (step.op === "complete") return adapter.complete(step.id, step.nowNs);
  return adapter[step.op](step.id, step.title, step.nowNs);
}

export function applyMemory(adapter: MemoriesAdapter, step: MemoryStep): bigint {
  if (step.op === "delete") return adapter.delete(step.id);
  if (step.op === "store") {
    return adapter.store(step.id, step.content, step.tags, step.source, step.nowNs);
  }
  if (step.op === "retag") return adapter.retag(step.id, step.tags, step.nowNs);
  return adapter[step.op](step.id, step.nowNs);
}

export function replayTasks(steps: readonly TaskStep[]): Task[] {
  const rows: Task[] = [];
  for (const step of steps) {
    const at = rows.findIndex(({ id }) => id === step.id);
    const row = rows[at];
    if (step.op === "create") {
      const { id, title, nowNs } = step;
      const made = { id, title, status: "pending", createdNs: nowNs, updatedNs: nowNs } as const;
      if (row === undefined) rows.push(made);
      else rows[at] = made;
    } else if (row !== undefined) {
      if (step.op === "delete") rows.splice(at, 1);
      else if (step.op === "rename")
        rows[at] = { ...row, title: step.title, updatedNs: step.nowNs };
      else rows[at] = { ...row, status: "completed", updatedNs: step.nowNs };
    }
  }
  return rows;
}

export function replayMemories(steps: readonly MemoryStep[]): Memory[] {
  const rows: Memory[] = [];
  for (const step of steps) {
    const at = rows.findIndex(({ id }) => id === step.id);
    const row = rows[at];
    if (step.op === "store") {
      const { id, content, tags, source, nowNs } = step;
      const changed = { id, content, tags, source, updatedNs: nowNs };
      if (row === undefined) rows.push({ ...changed, createdNs: nowNs, pinned: false });
      else rows[at] = { ...row, ...changed };
    } else if (row !== undefined) {
      if (step.op === "delete") rows.splice(at, 1);
      else if (step.op === "retag") rows[at] = { ...row, tags: step.tags, updatedNs: step.nowNs };
      else rows[at] = { ...row, pinned: step.op === "pin", updatedNs: step.nowNs };
    }
  }
  return rows;
}

export function searchTasks(rows: readonly Task[], filter: TaskFilter): Task[] {
  const { status, titleContains } = filter;
  return inOrder(
    rows
      .filter((task) => status === undefined || task.status === status.toLowerCase())
      .filter((task) => contains(task.title, titleContains)),
    filter,
  );
}

export function searchMemories(rows: readonly Memory[], filter: MemoryFilter): Memory[] {
  const { source, contentContains, tag, anyTag = [], allTags = [], pinned } = filter;
  return inOrder(
    rows
      .filter((memory) => source === undefined || memory.source === source)
      .filter((memory) => contains(memory.content, contentContains))
      .filter((memory) => tag === undefined || memory.tags.includes(tag))
      .filter(({ tags }) => anyTag.length === 0 || anyTag.some((each) => tags.includes(each)))
      .filter(({ tags }) => allTags.every((each) => tags.includes(each)))
      .filter((memory) => pinned === undefined || memory.pinned === pinned),
    filter,
  );
}

function contains(text: string, part: string | undefined): boolean {
  return part === undefined || text.toLowerCase().includes(part.toLowerCase());
}

function inOrder<R extends Task | Memory>(rows: readonly R[], filter: RecordFilter): R[] {
  const { createdAfterNs, createdBeforeNs, updatedAfterNs, updatedBeforeNs } = filter;
  const [order = "id", direction] = (filter.orderBy ?? "id_asc").toLowerCase().split("_");
  const key = (row: R): bigint =>
    order === "created" ? row.createdNs : order === "updated" ? row.updatedNs : row.id;
  const sign = direction === "desc" ? -1 : 1;
  const sorted = rows
    .filter((row) => createdAfterNs === undefined || row.createdNs >= createdAfterNs)
    .filter((row) => createdBeforeNs === undefined || row.createdNs <= createdBeforeNs)
    .filter((row) => updatedAfterNs === undefined || row.updatedNs >= updatedAfterNs)
    .filter((row) => updatedBeforeNs === undefined || row.updatedNs <= updatedBeforeNs)
    .sort((a, b) => sign * (Number(key(a) - key(b)) || Number(a.id - b.id)));
  return sorted.slice(0, filter.limit ?? sorted.length);
}

const word = fc.constantFrom("alpha", "Beta", "ÜBER", "docs", "x", "", "ship it", "Alphabet");
const time = fc.bigInt({ min: 0n, max: 30n });
const tags = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 3 });
const part = fc.constantFrom("alp", "ÜB", "o", "", "ship", "BETA", "phab", "nowhere");

function idBelow(limit: number): fc.Arbitrary<bigint> {
  return fc.bigInt({ min: 0n, max: BigInt(limit - 1) });
}

/** Operations on ids below `limit`, so that many meet the same record. */
export function taskSteps(limit: number, length: number): fc.Arbitrary<TaskStep[]> {
  const id = idBelow(limit);
  const create = fc.record({ op: fc.constant("create" as const), id, title: word, nowNs: time });
  const step = fc.oneof(
    create,
    create,
    fc.record({ op: fc.constant("rename" as const), id, title: word, nowNs: time }),
    fc.record({ op: fc.constant("complete" as const), id, nowNs: time }),
    fc.record({ op: fc.constant("delete" as const), id }),
  );
  return fc.array(step, { maxLength: length, size: "max" });
}

export function memorySteps(limit: number, length: number): fc.Arbitrary<MemoryStep[]> {
  const id = idBelow(limit);
  const store = fc.record({
    op: fc.constant("store" as const),
    id,
    content: word,
    tags,
    source: fc.constantFrom("alice", "bob"),
    nowNs: time,
  });
  const step = fc.oneof(
    store,
    store,
    fc.record({ op: fc.constant("retag" as const), id, tags, nowNs: time }),
    fc.record({ op: fc.constantFrom("pin" as const, "unpin" as const), id, nowNs: time }),
    fc.record({ op: fc.constant("delete" as const), id }),
  );
  return fc.array(step, { maxLength: length, size: "max" });
}

const common = {
  createdAfterNs: fc.option(time, { nil: undefined, freq: 1 }),
  createdBeforeNs: fc.option(time, { nil: undefined, freq: 1 }),
  updatedAfterNs: fc.option(time, { nil: undefined, freq: 1 }),
  updatedBeforeNs: fc.option(time, { nil: undefined, freq: 1 }),
  orderBy: fc.option(
    fc.constantFrom(
      ...([
        "id_asc",
        "id_desc",
        "created_asc",
        "created_desc",
        "updated_asc",
        "updated_desc",
      ] as const),
    ),
    { nil: undefined },
  ),
  limit: fc.option(fc.nat(12), { nil: undefined, freq: 2 }),
};

export const taskFilter: fc.Arbitrary<TaskFilter> = fc.record({
  ...common,
  status: fc.option(fc.constantFrom("pending" as const, "completed" as const), { nil: undefined }),
  titleContains: fc.option(part, { nil: undefined, freq: 1 }),
});

export const memoryFilter: fc.Arbitrary<MemoryFilter> = fc.record({
  ...common,
  source: fc.option(fc.constantFrom("alice", "bob", "nobody"), { nil: undefined, freq: 1 }),
  contentContains: fc.option(part, { nil: undefined, freq: 1 }),
  tag: fc.option(fc.constantFrom("a", "b", ""), { nil: undefined, freq: 1 }),
  anyTag: fc.option(tags, { nil: undefined, freq: 1 }),
  allTags: fc.option(tags, { nil: undefined, freq: 1 }),
  pinned: fc.option(fc.boolean(), { nil: undefined, freq: 1 }),
});
