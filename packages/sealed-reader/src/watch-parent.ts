const INTERVAL_MS = 500;

/**
 * Runs beside a thread that may be stuck in SQLite for good: when the parent that would have killed
 * the process is gone, this does it.
 */
export function watchParent(parent: number): void {
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, "SIGKILL");
  }, INTERVAL_MS);
}
