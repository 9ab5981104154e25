import { setTimeout } from "node:timers/promises";
import type { Mapping, MappingOutcome, MappingProtocol, PortMapper } from "./port-mapper.js";

/** What became of the wish for a port mapping. */
export interface PortMappingView {
  /**
   * `searching` at first; `mapped` while a gateway forwards to this node; `unavailable` when none
   * does, for good: it is tried once, at the start; `closed` after the node has ended.
   */
  readonly state: "searching" | "mapped" | "unavailable" | "closed";
  readonly protocol?: MappingProtocol;
  /** `ip:port` outside, while mapped. */
  readonly externalAddress?: string;
  /** Renewals that succeeded. */
  readonly renewals: number;
  /** Renewals that failed since the last that succeeded; the third ends the mapping. */
  readonly failures: number;
  /** Why the last attempt failed, by protocol. */
  readonly reason?: string;
}

export interface PortMappingPlan {
  readonly internalPort: number;
  /** In the order in which they are tried. */
  readonly mappers: readonly PortMapper[];
  /** The mapping is there, or has moved to another address. */
  readonly mapped: (externalAddress: string) => void;
  /** The mapping at that address is there no longer. */
  readonly lost: (externalAddress: string) => void;
  readonly changed: (view: PortMappingView) => void;
  /** Rejects when the signal aborts; a timer that keeps no process alive when left out. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

const LIFETIME_SECONDS = 3600;
const LONGEST_RENEWAL_MS = 30 * 60 * 1000;
/** However short a time a gateway grants, it is not asked more often. */
const SHORTEST_RENEWAL_MS = 1000;
const RETRY_AFTER_MS = 200;
const MAX_FAILURES = 3;

/**
 * Gets a mapping at the start, keeps it, and takes it back at the end (Net transport format, section
 * 13.9). No failure surfaces other than in the view: a node without a mapping is a node all the same.
 */
export class PortMappingKeeper {
  readonly #plan: PortMappingPlan;
  readonly #closing = new AbortController();
  readonly #ended: Promise<void>;
  #view: PortMappingView = { state: "searching", renewals: 0, failures: 0 };

  constructor(plan: PortMappingPlan) {
    this.#plan = plan;
    this.#ended = this.#keep();
  }

  get view(): PortMappingView {
    return this.#view;
  }

  /** Takes the mapping back, and resolves when that is done or the gateway did not answer in time. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#ended;
    if (this.#view.state !== "closed") {
      this.#change({ state: "closed", renewals: this.#view.renewals, failures: 0 });
    }
  }

  async #keep(): Promise<void> {
    const installed = await this.#install();
    if (installed !== undefined) {
      await this.#renew(installed.mapper, installed.mapping);
    }
  }

  async #install(): Promise<
    { readonly mapper: PortMapper; readonly mapping: Mapping } | undefined
  > {
    const { mappers, internalPort } = this.#plan;
    const reasons: string[] = [];
    for (const mapper of mappers) {
      const outcome = await this.#map(mapper, internalPort);
      if (outcome.ok && !this.#closing.signal.aborted) {
        const { mapping } = outcome;
        this.#plan.mapped(mapping.externalAddress);
        this.#change({
          state: "mapped",
          protocol: mapper.protocol,
          externalAddress: mapping.externalAddress,
          renewals: 0,
          failures: 0,
        });
        return { mapper, mapping };
      }
      // The gateway may have mapped, and its answer been lost.
      await unmapped(mapper);
      if (this.#closing.signal.aborted) {
        return undefined;
      }
      reasons.push(`${mapper.protocol}: ${outcome.ok ? "" : outcome.reason}`);
    }
    const reason = reasons.length === 0 ? "no IPv4 gateway known" : reasons.join("; ");
    this.#change({ state: "unavailable", renewals: 0, failures: 0, reason });
    return undefined;
  }

  /** Renews until that fails for good or the node ends, and takes the mapping back then. */
  async #renew(mapper: PortMapper, installed: Mapping): Promise<void> {
    let mapping = installed;
    while (this.#view.failures < MAX_FAILURES && (await this.#waited(renewalAfterMs(mapping)))) {
      let outcome = await this.#map(mapper, mapping.externalPort);
      if (!outcome.ok && (await this.#waited(RETRY_AFTER_MS))) {
        outcome = await this.#map(mapper, mapping.externalPort);
      }
      if (this.#closing.signal.aborted) {
        break;
      }
      if (!outcome.ok) {
        const reason = `${mapper.protocol}: ${outcome.reason}`;
        this.#change({ ...this.#view, failures: this.#view.failures + 1, reason });
        continue;
      }
      const isMoved = outcome.mapping.externalAddress !== mapping.externalAddress;
      mapping = outcome.mapping;
      if (isMoved) {
        this.#plan.mapped(mapping.externalAddress);
      }
      this.#change({
        state: "mapped",
        protocol: mapper.protocol,
        externalAddress: mapping.externalAddress,
        renewals: this.#view.renewals + 1,
        failures: 0,
      });
    }
    // First the announcement, then what it announced.
    this.#plan.lost(mapping.externalAddress);
    await unmapped(mapper);
    if (!this.#closing.signal.aborted) {
      const { externalAddress: _gone, ...rest } = this.#view;
      this.#change({ ...rest, state: "unavailable" });
    }
  }

  async #map(mapper: PortMapper, externalPort: number): Promise<MappingOutcome> {
    try {
      return await mapper.map(
        {
          internalPort: this.#plan.internalPort,
          externalPort,
          lifetimeSeconds: LIFETIME_SECONDS,
        },
        this.#closing.signal,
      );
    } catch (error) {
      return { ok: false, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Waits; `false` when the node ended meanwhile. */
  async #waited(ms: number): Promise<boolean> {
    const { signal } = this.#closing;
    try {
      await (this.#plan.wait ?? waitUnreferenced)(ms, signal);
    } catch {
      // Only the end interrupts.
    }
    return !signal.aborted;
  }

  #change(view: PortMappingView): void {
    this.#view = view;
    this.#plan.changed(view);
  }
}

function renewalAfterMs({ lifetimeSeconds }: Mapping): number {
  const halfMs = (lifetimeSeconds * 1000) / 2;
  return Math.max(Math.min(LONGEST_RENEWAL_MS, halfMs), SHORTEST_RENEWAL_MS);
}

async function waitUnreferenced(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { ref: false, signal });
}

/** What cannot be taken back lapses by itself. */
async function unmapped(mapper: PortMapper): Promise<void> {
  await mapper.unmap().catch(() => undefined);
}
