export { EventBatch, type FilterVerdict } from "./event-batch.js";
export { createStreamSet } from "./stream-set.js";
export type {
  IncomingPacket,
  OutgoingPacket,
  PacketLabel,
  Reliability,
  SendOptions,
  StreamHandle,
  StreamObserver,
  StreamOptions,
  StreamSet,
  StreamSetOptions,
  StreamSetStats,
  StreamStats,
  StreamViolation,
} from "./types.js";
