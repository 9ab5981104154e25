import { expect } from "vitest";
import type { EventBus, EventBusStats } from "./event-bus.js";
import type { StoredEvent } from "./stored-event.js";

/** Everything a bus has stored, shard by shard. */
export async function drain(bus: EventBus): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  let cursor: string | null = null;
  for (let hasMore = true; hasMore; ) {
    const response = await bus.poll({ limit: 1_000, cursor });
    events.push(...response.events);
    cursor = response.nextId;
    hasMore = response.hasMore;
  }
  return events;
}

/** No event is unaccounted for. */
export function expectBalanced(stats: EventBusStats): void {
  const { delivered, failed, evicted, queued, inFlight, spillPending, undelivered } = stats;
  expect(stats.ingested + stats.recovered).toBe(
    delivered + failed + evicted + queued + inFlight + spillPending + undelivered,
  );
}
