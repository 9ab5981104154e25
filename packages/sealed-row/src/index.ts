export {
  type Command,
  commandRow,
  type ResponseInput,
  type VerifyResponseOptions,
  verifyResponse,
} from "./command.js";
export { type DecodeEventOptions, decodeEvent, encodeEvent, type RowEvent } from "./event.js";
export {
  EVENT_MARK_START,
  EVENT_MARK_WORDS,
  EVENT_RECORD_WORDS,
  type VerifiedEvent,
  verifiedEvent,
} from "./event-record.js";
export { type EventVerifier, eventVerifier } from "./event-verifier.js";
export type { RowReport } from "./row-report.js";
export { type RowVerifier, type RowVerifierOptions, rowVerifier } from "./row-verifier.js";
export {
  GENESIS_HASH,
  parseRowWitness,
  payloadDigest,
  type RowWitnessFields,
  rowWitness,
} from "./row-witness.js";
export { type SealRowInput, sealRow } from "./seal-row.js";
export { SealedRowError, type SealedRowErrorCode } from "./sealed-row-error.js";
export {
  ensureSealedTable,
  type RowRecord,
  type RowValue,
  SEAL_COLUMNS,
  SEALED_TABLES,
  type SealedColumn,
  type SealedTable,
  sealedTable,
  tableForSubject,
} from "./sealed-table.js";
export { ensureTimestamp, isTimestamp } from "./timestamp.js";
export { type VerifyRowOptions, verifyRow } from "./verify-row.js";
