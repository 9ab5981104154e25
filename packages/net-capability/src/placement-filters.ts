import type { CapabilitySet } from "./capability-set.js";
import { ensureText, typeProblem } from "./dictionary.js";

/** A node that something may be placed on. */
export interface PlacementCandidate {
  readonly nodeId: bigint;
  readonly capabilities: CapabilitySet;
}

/** Whether a node may be taken. */
export type PlacementFilter = (candidate: PlacementCandidate) => boolean;

/** The score of a candidate that a filter keeps. */
const KEPT = 1;

/**
 * Filters of candidates by their ids (Net identity format, section 13.4). The reference has one such
 * table for the whole process; here whoever places things has their own.
 */
export class PlacementFilters {
  readonly #filters = new Map<string, PlacementFilter>();

  /**
   * Takes a filter in; false when the id is taken, which `unregister` changes.
   *
   * @throws NetCapabilityError `TYPE` for a filter that is no function, `TYPE` or `TEXT` for the id
   */
  register(id: string, filter: PlacementFilter): boolean {
    ensureText(id, "id");
    if (typeof filter !== "function") {
      throw typeProblem(
        `predicate must be callable as predicate(candidate) -> bool, found ${typeof filter}`,
      );
    }
    if (this.#filters.has(id)) return false;
    this.#filters.set(id, filter);
    return true;
  }

  /** Lets a filter go; false when there is none of this id. */
  unregister(id: string): boolean {
    return this.#filters.delete(id);
  }

  has(id: string): boolean {
    return this.#filters.has(id);
  }

  /**
   * The score a filter gives a candidate: 1 when it keeps it. One that answers with anything but true,
   * or throws, keeps nobody, and neither does one that is not there.
   */
  score(id: string, candidate: PlacementCandidate): number | undefined {
    try {
      return this.#filters.get(id)?.(candidate) === true ? KEPT : undefined;
    } catch {
      return undefined;
    }
  }
}
