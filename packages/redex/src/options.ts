import { RedexError } from "./redex-error.js";
import type { RetentionPolicy } from "./retention.js";
import type { SyncPolicy } from "./sync-loop.js";

/** How a log is opened. The first opening of a name decides; later ones get the same log. */
export interface RedexFileOptions {
  /** Whether the log lies in the directory; the default where there is one. */
  readonly persistent?: boolean;
  /** Fsync in the background after this many events. */
  readonly fsyncEveryN?: number;
  /** Fsync in the background after this many milliseconds. */
  readonly fsyncIntervalMs?: number;
  /** With `fsyncIntervalMs` only: also after this many bytes. */
  readonly fsyncMaxBytes?: number;
  /** Keep at most this many events. */
  readonly retentionMaxEvents?: number;
  /** Keep at most this many bytes: 20 for each event and its payload. */
  readonly retentionMaxBytes?: number;
  /** Keep an event no longer than this. */
  readonly retentionMaxAgeMs?: number;
}

/** The options, checked. */
export interface CheckedOptions {
  readonly persistent: boolean;
  readonly sync: SyncPolicy;
  readonly retention: RetentionPolicy;
}

/**
 * Checks options in the order of section 7.1.
 *
 * @throws RedexError `INVALID_OPTION`
 */
export function checkOptions(options: RedexFileOptions, hasDirectory: boolean): CheckedOptions {
  const { fsyncEveryN, fsyncIntervalMs, fsyncMaxBytes } = options;
  if (fsyncEveryN !== undefined && fsyncIntervalMs !== undefined) {
    throw invalid("fsync_every_n and fsync_interval_ms are mutually exclusive");
  }
  if (fsyncMaxBytes !== undefined && fsyncIntervalMs === undefined) {
    throw invalid("fsync_max_bytes goes with fsync_interval_ms only");
  }
  positive("fsync_every_n", fsyncEveryN);
  positive("fsync_interval_ms", fsyncIntervalMs, 0x7fff_ffff);
  positive("fsync_max_bytes", fsyncMaxBytes);
  const retention = {
    maxEvents: natural("retention_max_events", options.retentionMaxEvents),
    maxBytes: natural("retention_max_bytes", options.retentionMaxBytes),
    maxAgeMs: natural("retention_max_age_ms", options.retentionMaxAgeMs),
  };
  const persistent = options.persistent ?? hasDirectory;
  if (persistent && !hasDirectory) {
    throw new RedexError(
      "INVALID_OPTION",
      "open_file",
      "channel error: config.persistent=true requires Redex::with_persistent_dir(...)",
    );
  }
  const sync = {
    everyEvents: fsyncEveryN,
    everyMs: fsyncIntervalMs,
    everyBytes: fsyncMaxBytes,
  };
  return { persistent, sync, retention };
}

function positive(name: string, value: number | undefined, max?: number): void {
  if (value === undefined) return;
  natural(name, value);
  if (value === 0) throw invalid(`${name} must be > 0`);
  if (max !== undefined && value > max) throw invalid(`${name} must be at most ${max}`);
}

function natural(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) return value;
  throw invalid(`${name} must be a whole number from 0 to 2^53 - 1, not ${String(value)}`);
}

function invalid(text: string): RedexError {
  return new RedexError("INVALID_OPTION", "config", text);
}
