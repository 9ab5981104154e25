import type { GroupDelivery, GroupMember, ShardPage } from "./adapter.js";
import type { StoredEvent } from "./stored-event.js";

/** The part of a memory store that a group reads. */
export interface GroupSource {
  read(request: {
    readonly shardId: number;
    readonly after: string | undefined;
    readonly limit: number;
    readonly signal: AbortSignal;
  }): ShardPage;
  news(positions: ReadonlyMap<number, string | undefined>, signal: AbortSignal): Promise<void>;
}

/** An event that one member has and has not acknowledged. */
interface Lent extends GroupDelivery {
  readonly event: StoredEvent;
  readonly attempt: number;
  readonly dueAt: number;
}

/** A consumer group within this process: every event goes to one member, until it acknowledges. */
export class MemoryGroup {
  readonly #source: GroupSource;
  /** For each shard, the number of the last event handed out. */
  readonly #positions: number[];
  readonly #redeliverAfterMs: number;
  readonly #lent: Map<string, Lent> = new Map();
  #returned: GroupDelivery[] = [];
  #wakers: Set<() => void> = new Set();
  #nextShard = 0;

  constructor(source: GroupSource, starts: readonly number[], redeliverAfterMs: number) {
    this.#source = source;
    this.#positions = [...starts];
    this.#redeliverAfterMs = redeliverAfterMs;
  }

  member(): GroupMember {
    const mine = new Set<string>();
    return {
      pull: async (limit, signal) => {
        while (!signal.aborted) {
          const deliveries = this.#collect(limit, signal);
          for (const { event } of deliveries) mine.add(keyOf(event));
          if (deliveries.length > 0) return deliveries;
          await this.#wait(signal);
        }
        return [];
      },
      acknowledge: (deliveries) => {
        for (const { event } of deliveries) {
          mine.delete(keyOf(event));
          this.#lent.delete(keyOf(event));
        }
        return Promise.resolve();
      },
      release: (deliveries) => {
        this.#giveBack(
          deliveries.map(({ event }) => keyOf(event)).filter((key) => mine.delete(key)),
        );
        return Promise.resolve();
      },
      close: () => {
        this.#giveBack([...mine]);
        mine.clear();
        return Promise.resolve();
      },
    };
  }

  #collect(limit: number, signal: AbortSignal): readonly GroupDelivery[] {
    const now = performance.now();
    const dueAt = now + this.#redeliverAfterMs;
    const due = this.#returned.splice(0, limit);
    for (const [key, lent] of this.#lent) {
      if (due.length >= limit || lent.dueAt > now) break;
      this.#lent.delete(key);
      due.push(lent);
    }
    const deliveries = due.map(({ event, attempt }) => ({ event, attempt: attempt + 1 }));
    for (let i = 0; i < this.#positions.length && deliveries.length < limit; i += 1) {
      const shardId = (this.#nextShard + i) % this.#positions.length;
      const after = String(this.#positions[shardId]);
      const page = this.#source.read({ shardId, after, limit: limit - deliveries.length, signal });
      if (page.position !== undefined) this.#positions[shardId] = Number(page.position);
      for (const event of page.events) deliveries.push({ event, attempt: 1 });
    }
    this.#nextShard = (this.#nextShard + 1) % this.#positions.length;
    // A map keeps the order of insertion, so the first to fall due is always the first in it.
    for (const delivery of deliveries)
      this.#lent.set(keyOf(delivery.event), { ...delivery, dueAt });
    return deliveries;
  }

  #giveBack(keys: readonly string[]): void {
    for (const key of keys) {
      const lent = this.#lent.get(key);
      if (lent === undefined) continue;
      this.#lent.delete(key);
      this.#returned.push(lent);
    }
    const wakers = this.#wakers;
    this.#wakers = new Set();
    for (const wake of wakers) wake();
  }

  /** Until there is something new, given back, or due again. */
  async #wait(signal: AbortSignal): Promise<void> {
    const done = new AbortController();
    const end = (): void => done.abort();
    const [first] = this.#lent.values();
    const pause = first === undefined ? undefined : Math.max(1, first.dueAt - performance.now());
    const timer = pause === undefined ? undefined : setTimeout(end, pause);
    this.#wakers.add(end);
    signal.addEventListener("abort", end);
    const positions = new Map(this.#positions.map((id, shard) => [shard, String(id)]));
    try {
      await this.#source.news(positions, done.signal);
    } finally {
      clearTimeout(timer);
      this.#wakers.delete(end);
      signal.removeEventListener("abort", end);
    }
  }
}

function keyOf(event: StoredEvent): string {
  return `${event.shardId}:${event.id}`;
}
