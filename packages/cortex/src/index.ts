export type { AdapterSnapshot } from "./adapter-snapshot.js";
export { decodeBundle, encodeBundle, type SnapshotBundle } from "./bundle.js";
export { type Codec, decode, type Encoded, encode } from "./codec.js";
export { array, map, option, struct } from "./compound-codecs.js";
export { CortexError, type CortexErrorCode, NetDbError } from "./cortex-error.js";
export { decodeEnvelope, type Envelope, encodeEnvelope } from "./envelope.js";
export type { EventLog, LogFollower, LogStore } from "./event-log.js";
export type { Fold, FoldErrorPolicy, FoldProblem } from "./fold.js";
export {
  type Memory,
  type MemoryFilter,
  type MemoryInputs,
  type MemoryQueries,
  type MemoryTable,
  memoriesModel,
} from "./memories.js";
export { MemoriesAdapter } from "./memories-adapter.js";
export {
  defineModel,
  type EventInfo,
  type Model,
  type ModelDefinition,
  type Operation,
  operation,
} from "./model.js";
export { type AdapterProgress, ModelAdapter } from "./model-adapter.js";
export { NetDb, type NetDbOptions } from "./net-db.js";
export { type OpenOptions, openModel } from "./open-model.js";
export { PostcardReader } from "./postcard-reader.js";
export { PostcardWriter } from "./postcard-writer.js";
export type { RecordFilter, RecordOrder } from "./record-filter.js";
export { bool, bytes, f64, i64, string, u32, u64, variant } from "./scalar-codecs.js";
export { Table } from "./table.js";
export { tableCodec } from "./table-codec.js";
export type { GroupKey, OrderKey, Selection, TableLayout } from "./table-layout.js";
export {
  type Task,
  type TaskFilter,
  type TaskInputs,
  type TaskQueries,
  type TaskStatus,
  type TaskTable,
  tasksModel,
} from "./tasks.js";
export { TasksAdapter } from "./tasks-adapter.js";
export type { Watch } from "./watch.js";
export {
  formatWriteToken,
  parseWriteToken,
  type WriteToken,
} from "./write-token.js";
