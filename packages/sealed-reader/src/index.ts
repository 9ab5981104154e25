export {
  type Checkpoint,
  type CheckpointComparison,
  decodeCheckpoint,
  encodeCheckpoint,
} from "./checkpoint.js";
export type { DatabaseVerification } from "./database-verification.js";
export {
  decodeEvidence,
  type EvidenceBundle,
  encodeEvidence,
  type VerifyEvidenceOptions,
  verifyEvidence,
} from "./evidence.js";
export type { FollowOptions } from "./follow-table.js";
export { type OpenSealedOptions, openSealed } from "./open-sealed.js";
export type { ReadOptions } from "./read-options.js";
export type { SealedRow } from "./row-judge.js";
export { type Cancellable, SealedReader } from "./sealed-reader.js";
export { SealedReaderError, type SealedReaderErrorCode } from "./sealed-reader-error.js";
export type { ClockStep, RowFailure, SeqGap } from "./table-audit.js";
export type { TableShape } from "./table-shape.js";
export type { TableVerification, VerifyAllOptions, VerifyProgress } from "./verify-table.js";
