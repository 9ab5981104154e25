export { ALGORITHM_NAMES, type AlgorithmName } from "./algorithms.js";
export { type HeartbeatLoopOptions, runHeartbeats } from "./heartbeat-loop.js";
export { type Measurement, measure, type NonceRange } from "./measurement.js";
export type { MeasurementPoolOptions, Progress, RunOptions } from "./measurement-pool.js";
export { Outbox, type OutboxOptions, type OutboxStats, type Publisher } from "./outbox.js";
export type { Outcome } from "./outcome.js";
export { SealQueue, type SealQueueOptions } from "./seal-queue.js";
export { STAGES, type Stage } from "./submission-stages.js";
export {
  openSubstrate,
  type SealEntry,
  type SealExtras,
  type SealResult,
  type Substrate,
  type SubstrateOptions,
} from "./substrate.js";
export { SubstrateError, type SubstrateErrorCode } from "./substrate-error.js";
export {
  SUBSTRATE_VERBS,
  SubstrateService,
  type SubstrateServiceOptions,
  type SubstrateVerb,
} from "./substrate-service.js";
