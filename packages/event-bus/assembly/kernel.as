// The WebAssembly kernel of the bus: everything that touches every byte of every event.

export { envelope } from "./envelope";
export {
  configure,
  emptyLog,
  eventsInLog,
  gather,
  lastFullShard,
  logHasHoles,
  push,
  pushAll,
  shardOf,
  takeDropped,
  takeInvalid,
} from "./ingest";
export { isJson, isUtf8 } from "./json";
