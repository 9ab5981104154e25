import type { CapabilityFilter } from "./capability-filter.js";
import { asksForGpu, GPU_TAG } from "./capability-filter.js";
import type { CapabilitySet } from "./capability-set.js";

/** Which nodes have which tag, so that a query looks only at nodes that may answer it. */
export class TagPostings {
  readonly #nodesByTag = new Map<string, Set<bigint>>();

  add(nodeId: bigint, set: CapabilitySet): void {
    for (const tag of set.tags) {
      const nodes = this.#nodesByTag.get(tag);
      if (nodes === undefined) this.#nodesByTag.set(tag, new Set([nodeId]));
      else nodes.add(nodeId);
    }
  }

  remove(nodeId: bigint, set: CapabilitySet): void {
    for (const tag of set.tags) {
      const nodes = this.#nodesByTag.get(tag);
      if (nodes === undefined) continue;
      nodes.delete(nodeId);
      if (nodes.size === 0) this.#nodesByTag.delete(tag);
    }
  }

  /**
   * A superset of the nodes that meet a filter with exact tags: those with the rarest tag it asks
   * for. `undefined` when it asks for none.
   */
  candidates(filter: CapabilityFilter): ReadonlySet<bigint> | undefined {
    const tags = [...(filter.requireTags ?? []), ...(asksForGpu(filter) ? [GPU_TAG] : [])];
    let rarest: ReadonlySet<bigint> | undefined;
    for (const tag of tags) {
      const nodes = this.#nodesByTag.get(tag) ?? NO_NODES;
      if (rarest === undefined || nodes.size < rarest.size) rarest = nodes;
    }
    return rarest;
  }
}

const NO_NODES: ReadonlySet<bigint> = new Set();
