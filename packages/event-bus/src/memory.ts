export { discard } from "./discard.js";
export {
  MemoryStore,
  type MemoryStoreOptions,
  type MemoryStoreStats,
  memoryStore,
} from "./memory-store.js";
