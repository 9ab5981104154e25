import type { Codec } from "./codec.js";
import { array, struct } from "./compound-codecs.js";
import { defineModel, type Model, operation } from "./model.js";
import { commonSelection, type RecordFilter } from "./record-filter.js";
import { bool, string, u64 } from "./scalar-codecs.js";
import { Table } from "./table.js";
import { tableCodec } from "./table-codec.js";
import type { Selection } from "./table-layout.js";

/** A memory, as it was when it was asked for. Ids and times are unsigned 64-bit integers. */
export interface Memory {
  readonly id: bigint;
  readonly content: string;
  /** In the order given, with repetitions. */
  readonly tags: readonly string[];
  readonly source: string;
  readonly createdNs: bigint;
  readonly updatedNs: bigint;
  readonly pinned: boolean;
}

/** Which memories, in which order, how many (CortEX format, section 9.1). */
export interface MemoryFilter extends RecordFilter {
  readonly source?: string | undefined;
  /** A part of the content, whatever its case. */
  readonly contentContains?: string | undefined;
  readonly tag?: string | undefined;
  /** At least one of these; an empty list asks for nothing. */
  readonly anyTag?: readonly string[] | undefined;
  /** Each of these. */
  readonly allTags?: readonly string[] | undefined;
  readonly pinned?: boolean | undefined;
}

/** What each operation of the memories model takes (CortEX format, section 9). */
export interface MemoryInputs {
  readonly store: {
    readonly id: bigint;
    readonly content: string;
    readonly tags: readonly string[];
    readonly source: string;
    readonly nowNs: bigint;
  };
  readonly retag: { readonly id: bigint; readonly tags: readonly string[]; readonly nowNs: bigint };
  readonly pin: { readonly id: bigint; readonly nowNs: bigint };
  readonly unpin: { readonly id: bigint; readonly nowNs: bigint };
  readonly delete: { readonly id: bigint };
}

export interface MemoryQueries {
  list(filter?: MemoryFilter): Memory[];
  get(id: bigint): Memory | undefined;
  count(): number;
}

type MemoryGroup = "source" | "tag" | "pinned";

export type MemoryTable = Table<bigint, Memory, MemoryGroup, "created" | "updated", "content">;

const memoryCodec: Codec<Memory> = struct({
  id: u64,
  content: string,
  tags: array(string),
  source: string,
  createdNs: u64,
  updatedNs: u64,
  pinned: bool,
});

function memoryTable(): MemoryTable {
  return new Table({
    id: (memory: Memory) => memory.id,
    groups: {
      source: (memory) => memory.source,
      tag: (memory) => memory.tags,
      pinned: (memory) => memory.pinned,
    },
    orders: { created: (memory) => memory.createdNs, updated: (memory) => memory.updatedNs },
    texts: { content: (memory) => memory.content },
  });
}

function change(memories: MemoryTable, id: bigint, changes: Partial<Memory>): MemoryTable {
  const memory = memories.get(id);
  return memory === undefined ? memories : memories.put({ ...memory, ...changes });
}

const touch = struct({ id: u64, nowNs: u64 });

/** The memories model of Net (CortEX format, section 9): channel `cortex/memories`, the same bytes. */
export const memoriesModel: Model<MemoryTable, MemoryInputs, MemoryQueries> = defineModel({
  channel: "cortex/memories",
  initial: memoryTable,
  snapshot: tableCodec((memory) => memory.id, u64, memoryCodec, memoryTable),
  snapshotAt: "applied",
  operations: {
    store: operation(
      0x10,
      struct({ id: u64, content: string, tags: array(string), source: string, nowNs: u64 }),
      (memories: MemoryTable, { id, content, tags, source, nowNs }) => {
        // What is pinned stays pinned, and keeps the time it was made.
        const { createdNs = nowNs, pinned = false } = memories.get(id) ?? {};
        return memories.put({ id, content, tags, source, createdNs, updatedNs: nowNs, pinned });
      },
    ),
    retag: operation(
      0x11,
      struct({ id: u64, tags: array(string), nowNs: u64 }),
      (memories: MemoryTable, { id, tags, nowNs }) =>
        change(memories, id, { tags, updatedNs: nowNs }),
    ),
    pin: operation(0x12, touch, (memories: MemoryTable, { id, nowNs }) =>
      change(memories, id, { pinned: true, updatedNs: nowNs }),
    ),
    unpin: operation(0x13, touch, (memories: MemoryTable, { id, nowNs }) =>
      change(memories, id, { pinned: false, updatedNs: nowNs }),
    ),
    delete: operation(0x14, struct({ id: u64 }), (memories: MemoryTable, { id }) =>
      memories.delete(id),
    ),
  },
  queries: (memories) => ({
    list: (filter = {}) => selectMemories(memories(), filter),
    get: (id) => memories().get(id),
    count: () => memories().size,
  }),
});

function selectMemories(memories: MemoryTable, filter: MemoryFilter): Memory[] {
  const { source, tag, anyTag = [], allTags = [], pinned, contentContains } = filter;
  const groups: NonNullable<Selection<Memory, MemoryGroup>["groups"]>[number][] = [];
  if (source !== undefined) groups.push({ group: "source", anyOf: [source] });
  if (tag !== undefined) groups.push({ group: "tag", anyOf: [tag] });
  if (anyTag.length > 0) groups.push({ group: "tag", anyOf: anyTag });
  for (const each of allTags) groups.push({ group: "tag", anyOf: [each] });
  if (pinned !== undefined) groups.push({ group: "pinned", anyOf: [pinned] });
  return memories.select({
    ...commonSelection(filter),
    groups,
    texts: contentContains === undefined ? [] : [{ text: "content", part: contentContains }],
  });
}
