export { checksum } from "./checksum.js";
export {
  decodeIndexRecord,
  encodeIndexRecord,
  type IndexRecord,
  inlinePayload,
  RECORD_BYTES,
} from "./index-record.js";
export { LogReader } from "./log-reader.js";
export { decodeManifest, encodeManifest } from "./manifest.js";
export { nodeStorage } from "./node-storage.js";
export type { LogObserver } from "./observer.js";
export type { RedexFileOptions } from "./options.js";
export type { RecoveryReport } from "./recovery.js";
export { Redex, type RedexOptions } from "./redex.js";
export { RedexError, type RedexErrorCode } from "./redex-error.js";
export type { EventVisitor, RedexEvent } from "./redex-event.js";
export type { RedexFile } from "./redex-file.js";
export type { Storage, StorageEntry, StorageFile } from "./storage.js";
export type { RedexTail } from "./tail.js";
