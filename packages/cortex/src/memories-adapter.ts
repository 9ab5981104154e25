import { within } from "./cortex-error.js";
import type { EventLog } from "./event-log.js";
import {
  type Memory,
  type MemoryFilter,
  type MemoryInputs,
  type MemoryQueries,
  type MemoryTable,
  memoriesModel,
} from "./memories.js";
import { ModelAdapter } from "./model-adapter.js";
import { foldLog, type OpenOptions, openingOf } from "./open-model.js";
import type { Watch } from "./watch.js";

/**
 * Memories over a log. Every call that writes appends one event, returns its sequence number, and
 * has been folded when it returns. Ids and times are the caller's, unsigned 64-bit.
 */
export class MemoriesAdapter extends ModelAdapter<MemoryTable, MemoryInputs, MemoryQueries> {
  /** Resolves when everything already in the log has been folded. @throws as `openModel` does */
  static async open(log: EventLog, options: OpenOptions): Promise<MemoriesAdapter> {
    return within(
      openingOf("MemoriesAdapter", options),
      async () =>
        new MemoriesAdapter(memoriesModel, log, await foldLog(memoriesModel, log, options)),
    );
  }

  /**
   * Adds a memory that is not pinned, or changes the one of this id, which stays as pinned as it is.
   */
  store(
    id: bigint,
    content: string,
    tags: readonly string[],
    source: string,
    nowNs: bigint,
  ): bigint {
    return this.write("store", { id, content, tags, source, nowNs });
  }

  retag(id: bigint, tags: readonly string[], nowNs: bigint): bigint {
    return this.write("retag", { id, tags, nowNs });
  }

  pin(id: bigint, nowNs: bigint): bigint {
    return this.write("pin", { id, nowNs });
  }

  unpin(id: bigint, nowNs: bigint): bigint {
    return this.write("unpin", { id, nowNs });
  }

  delete(id: bigint): bigint {
    return this.write("delete", { id });
  }

  list(filter: MemoryFilter = {}): Memory[] {
    return this.read.list(filter);
  }

  get(id: bigint): Memory | undefined {
    return this.read.get(id);
  }

  count(): number {
    return this.read.count();
  }

  /** The list now, then whenever it has changed. */
  watchList(
    filter: MemoryFilter = {},
    options: { readonly signal?: AbortSignal } = {},
  ): Watch<Memory[]> {
    return this.watch((read) => read.list(filter), options);
  }

  /** The list now, and a watch of every later one, with no change lost in between. */
  snapshotAndWatchList(
    filter: MemoryFilter = {},
    options: { readonly signal?: AbortSignal } = {},
  ): { readonly snapshot: Memory[]; readonly updates: Watch<Memory[]> } {
    return this.snapshotAndWatch((read) => read.list(filter), options);
  }
}
