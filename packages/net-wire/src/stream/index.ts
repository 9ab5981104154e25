export { EventBatch, type FilterVerdict } from "./event-batch.js";
export type { PacketLabel } from "./packet-label.js";
export { createStreamSet } from "./stream-set.js";
export type {
  IncomingPacket,
  OutgoingPacket,
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
