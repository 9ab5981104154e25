import { NetWireError } from "../net-wire-error.js";
import { MAX_PAYLOAD_BYTES } from "../packet-header.js";
import { integer, resolveSettings, type Settings } from "./options.js";
import { emptyStats, type MutableStats } from "./session-stats.js";
import { Opening, StreamTable, type TableEntry } from "./stream-table.js";
import type { SendOptions, StreamHandle, StreamObserver, StreamSetOptions } from "./types.js";

/** What the streams of both kinds of session share: the table, its handles, settings and counts. */
export abstract class OpenStreams<S extends TableEntry> {
  protected readonly observer: StreamObserver;
  protected readonly settings: Settings;
  protected readonly table: StreamTable<S> = new StreamTable<S>();
  protected readonly counts: MutableStats = emptyStats();
  #maxPayload: number;
  #epochs = 0;

  constructor(options: StreamSetOptions) {
    this.observer = options.observer;
    this.settings = resolveSettings(options);
    this.#maxPayload = this.settings.maxPayload;
  }

  get maxPayload(): number {
    return this.#maxPayload;
  }

  set maxPayload(value: number) {
    this.#maxPayload = integer("maxPayload", value, 128, MAX_PAYLOAD_BYTES);
  }

  isOpen(handle: StreamHandle): boolean {
    return this.streamOf(handle) !== undefined;
  }

  send(
    handle: StreamHandle,
    events: readonly Uint8Array[],
    now: number,
    options?: SendOptions,
  ): number {
    const stream = this.streamOf(handle);
    if (stream === undefined) {
      // The text of the reference (section 9).
      throw new NetWireError("NOT_CONNECTED", "stream not connected");
    }
    return this.offer(stream, events, now, options);
  }

  /** The stream of an opening that lasts. */
  protected streamOf(handle: StreamHandle): S | undefined {
    if (!(handle instanceof Opening)) return undefined;
    const stream: S | undefined = this.table.get(handle.id);
    // A handle of another session names a stream that our table does not have.
    return stream !== undefined && handle.stream === stream ? stream : undefined;
  }

  protected nextEpoch(): number {
    return ++this.#epochs;
  }

  /** When the stream that has been idle longest is to be forgotten. */
  protected idleDeadline(): number {
    const { oldest } = this.table;
    return oldest === undefined
      ? Number.POSITIVE_INFINITY
      : oldest.lastActivity + this.settings.idleTimeout;
  }

  protected abstract offer(
    stream: S,
    events: readonly Uint8Array[],
    now: number,
    options?: SendOptions,
  ): number;
}

/** @throws NetWireError `EVENT_TOO_LARGE` for one above `most` bytes, which is what `taker` takes */
export function ensureEventSizes(events: readonly Uint8Array[], most: number, taker: string): void {
  for (let index = 0; index < events.length; index += 1) {
    const { length } = events[index] as Uint8Array;
    if (length > most) {
      throw new NetWireError(
        "EVENT_TOO_LARGE",
        `event ${index} has ${length} bytes; ${taker} takes at most ${most} in one event`,
      );
    }
  }
}
