import type { EventBatch } from "./event-batch.js";
import type { Filter } from "./filter.js";
import type { StoredEvent } from "./stored-event.js";

/** What an adapter learns of the bus it serves. */
export interface AdapterContext {
  readonly shards: number;
  /** Nanoseconds since the bus was created: the clock of insertion_ts. */
  readonly clock: () => bigint;
}

/** What one read of one shard found. */
export interface ShardPage {
  readonly events: readonly StoredEvent[];
  /** The id of the last entry looked at, readable or not; undefined when there was none. */
  readonly position: string | undefined;
  /** Whether the shard has entries behind `position`. */
  readonly more: boolean;
  /** Entries that were looked at and are not events. */
  readonly unreadable: number;
  /** Events behind the start that a bounded store gave up before they were read. */
  readonly missed: number;
}

export interface ReadRequest {
  readonly shardId: number;
  /** Read what follows this id; from the start when undefined. */
  readonly after: string | undefined;
  readonly limit: number;
  /** The reader goes on with a cursor, be it one without a place in this shard yet. */
  readonly goesOn?: boolean;
  /** An adapter may leave out events that cannot match; they count as looked at. */
  readonly filter?: Filter;
  readonly signal: AbortSignal;
}

/** One event in the hands of one member of a consumer group. */
export interface GroupDelivery {
  readonly event: StoredEvent;
  /** How often it has been handed out, this time included. */
  readonly attempt: number;
}

export interface GroupOptions {
  readonly group: string;
  readonly consumer: string;
  /** Where a group that does not exist yet begins. */
  readonly from: "start" | "end";
  /** After how long without an acknowledgement an event goes to another member. */
  readonly redeliverAfterMs: number;
}

/** One member of a consumer group on a backend. */
export interface GroupMember {
  /** Entries that were acknowledged at once because they are not events. */
  readonly unreadable?: number;
  /** Events for this member, at most `limit`; waits for some and gives none only when aborted. */
  pull(limit: number, signal: AbortSignal): Promise<readonly GroupDelivery[]>;
  acknowledge(deliveries: readonly GroupDelivery[]): Promise<void>;
  /** Gives events back at once, to be delivered again. */
  release(deliveries: readonly GroupDelivery[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Where events go and come from. An adapter keeps the order within a shard, stores a batch at most
 * once under its dedup ids, and throws `EventBusError` (`TRANSIENT` and `TIMEOUT` are tried again).
 */
export interface EventAdapter {
  readonly name: string;
  /** Called once, before anything else; does no I/O. */
  open?(context: AdapterContext): void;
  /** Reaches the backend now instead of at the first use. */
  connect?(signal: AbortSignal): Promise<void>;
  /**
   * Stores a batch. An adapter that is done when it returns, returns nothing. The batch and views
   * on its payloads hold until then; what is to be kept for longer has to be copied.
   */
  append(batch: EventBatch, signal: AbortSignal): void | Promise<void>;
  read(request: ReadRequest): ShardPage | Promise<ShardPage>;
  /** Resolves when there may be something behind one of `positions`; without it, readers poll. */
  news?(positions: ReadonlyMap<number, string | undefined>, signal: AbortSignal): Promise<void>;
  join?(options: GroupOptions): Promise<GroupMember>;
  flush?(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
