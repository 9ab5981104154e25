import { CortexError } from "./cortex-error.js";
import type { LogStore } from "./event-log.js";
import { MemoryLog } from "./memory-log.js";

/** Logs in memory by name: opening a name twice gives the same log. */
export class MemoryLogStore implements LogStore {
  readonly #logs = new Map<string, MemoryLog>();

  openFile(name: string, options: { readonly persistent?: boolean } = {}): MemoryLog {
    if (options.persistent === true) {
      throw new CortexError(
        "LOG",
        "channel error: config.persistent=true requires Redex::with_persistent_dir(...)",
      );
    }
    const existing = this.#logs.get(name);
    if (existing !== undefined) return existing;
    const log = new MemoryLog();
    this.#logs.set(name, log);
    return log;
  }
}
