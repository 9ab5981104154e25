import type { StreamHandle, StreamStats } from "@gaiaftcl/net-wire";
import { NetMeshError } from "../net-mesh-error.js";

/** What a stream needs of its node. */
export interface StreamPort {
  send(peer: bigint, handle: StreamHandle, events: readonly Uint8Array[]): number;
  /** Resolves when the stream has room, or its session ended. */
  writable(peer: bigint, streamId: bigint, signal: AbortSignal | undefined): Promise<void>;
  close(peer: bigint, handle: StreamHandle): void;
  stats(peer: bigint, streamId: bigint): StreamStats | undefined;
}

/** A stream to a peer. Sends of one turn of the event loop share packets. */
export class MeshStream implements AsyncDisposable {
  readonly peer: bigint;
  readonly id: bigint;
  readonly #port: StreamPort;
  readonly #handle: StreamHandle;
  #isFull = false;

  constructor(peer: bigint, handle: StreamHandle, port: StreamPort) {
    this.peer = peer;
    this.id = handle.id;
    this.#handle = handle;
    this.#port = port;
  }

  /**
   * Hands one event or several to the stream, which copies them, and gives how many it took; fewer
   * than offered means that window or buffer are full: await `drained` and offer the rest.
   *
   * @throws NetMeshError `NOT_CONNECTED` when the session or the stream ended; NetWireError
   *   `EVENT_TOO_LARGE` for an event no packet holds (towards 0.19.0), or above 16 MiB
   */
  send(events: Uint8Array | readonly Uint8Array[]): number {
    const list = events instanceof Uint8Array ? [events] : events;
    const taken = this.#port.send(this.peer, this.#handle, list);
    this.#isFull = taken < list.length;
    return taken;
  }

  /** Sends all events, waiting for room as often as needed. */
  async sendAll(
    events: readonly Uint8Array[],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    let sent = 0;
    for (;;) {
      options.signal?.throwIfAborted();
      sent += this.send(sent === 0 ? events : events.slice(sent));
      if (sent === events.length) {
        return;
      }
      await this.drained(options);
    }
  }

  /** Resolves when a stream that refused events has room again; at once when it refused none. */
  async drained(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#isFull) {
      await this.#port.writable(this.peer, this.id, options.signal);
      this.#isFull = false;
    }
  }

  get stats(): StreamStats {
    const stats = this.#port.stats(this.peer, this.id);
    if (stats === undefined) {
      throw new NetMeshError("NOT_CONNECTED", "stream not connected");
    }
    return stats;
  }

  /** Ends this opening of the stream. What was taken is still sent. */
  close(): void {
    this.#port.close(this.peer, this.#handle);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
