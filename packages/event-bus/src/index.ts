export type {
  AdapterContext,
  EventAdapter,
  GroupDelivery,
  GroupMember,
  GroupOptions,
  ReadRequest,
  ShardPage,
} from "./adapter.js";
export type { RetryOptions } from "./backoff.js";
export type { Channel, ChannelEvent, ChannelStreamOptions } from "./channel.js";
export type {
  Delivery,
  GroupConsumer,
  GroupConsumerOptions,
  GroupConsumerStats,
} from "./consumer-group.js";
export { decodeCursor, encodeCursor, type Positions } from "./cursor.js";
export type { DeliveryFailure, Spill } from "./delivery.js";
export type { EventBatch } from "./event-batch.js";
export { type CloseOptions, EventBus, type EventBusStats } from "./event-bus.js";
export { EventBusError, type EventBusErrorCode } from "./event-bus-error.js";
export type { EventBusOptions } from "./event-bus-options.js";
export type { EventStream, StreamOptions } from "./event-stream.js";
export { Filter, type FilterEquality, type FilterInput, type FilterValue } from "./filter.js";
export type { Backpressure } from "./intake.js";
export type { EventBusEvents, ReadFailure } from "./notifier.js";
export type { FailedShard, PollOptions, PollResponse } from "./poll.js";
export { RedisStreamDedup } from "./redis-stream-dedup.js";
export { shardOf } from "./shard-selection.js";
export { encodeStoredEvent, type StoredEvent } from "./stored-event.js";
