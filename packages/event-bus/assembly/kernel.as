// The WebAssembly kernel of the bus: everything that touches every byte of every event.

export { envelope } from "./envelope";
export { accept, acceptAll, gather, shardOf } from "./ingest";
export { isJson, isUtf8 } from "./json";
export { hash } from "./xxh3";
