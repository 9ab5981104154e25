import { Feed } from "./feed.js";
import type { PeerBatch, ReceivedBatch } from "./received.js";

/** Which events a receiver wants; what is left out does not matter. */
export interface EventFilter {
  readonly peer?: bigint;
  readonly streamId?: bigint;
  /** The subprotocol of the packets (Net transport format, section 12); 0 is plain event data. */
  readonly subprotocolId?: number;
}

export interface ReceiveOptions extends EventFilter {
  readonly signal?: AbortSignal;
  /** Bytes of events held that no sender holds back; further ones are dropped and counted. 64 MiB. */
  readonly bufferBytes?: number;
  /** Receivers of the same filter that are all shared get each event, every one of them. */
  readonly shared?: boolean;
}

interface Receiver {
  readonly filter: EventFilter;
  readonly shared: boolean;
  readonly feed: Feed<PeerBatch>;
}

/** Replication and queries: nobody's but those who ask for them by id (Net transport format, section 12). */
const ROUTER_ONLY: ReadonlySet<number> = new Set([0x0e00, 0x0f00]);
const DEFAULT_BUFFER_BYTES = 64 * 1024 * 1024;

/**
 * Brings what arrives to those who want it. A batch goes to the receiver with the narrowest filter
 * that fits; among equals the one that came first. What nobody asks
 * for yet waits for the first receiver that does.
 */
export class Receivers {
  readonly #consume: (batch: PeerBatch) => void;
  readonly #receivers: Receiver[] = [];
  #early: PeerBatch[] = [];
  #earlyBytes = 0;
  #dropped = 0;

  constructor(consume: (batch: PeerBatch) => void) {
    this.#consume = consume;
  }

  /** Events dropped since no receiver took them in time, in packets. */
  get dropped(): number {
    return this.#receivers.reduce((sum, { feed }) => sum + feed.dropped, this.#dropped);
  }

  /** Opens a receiver; ending its feed closes it. */
  open(options: ReceiveOptions): Feed<PeerBatch> {
    const { signal, bufferBytes = DEFAULT_BUFFER_BYTES, shared = false, ...filter } = options;
    signal?.throwIfAborted();
    const aborted = (): void => {
      feed.end(signal?.reason);
    };
    const feed = new Feed<PeerBatch>({
      maxBytes: bufferBytes,
      release: (batch) => {
        batch.holders -= 1;
        if (batch.holders === 0) {
          this.#consume(batch);
        }
      },
      ended: () => {
        signal?.removeEventListener("abort", aborted);
        this.#close(receiver);
      },
    });
    const receiver = { filter, shared, feed };
    signal?.addEventListener("abort", aborted, { once: true });
    this.#receivers.push(receiver);
    this.#receivers.sort((left, right) => breadth(left.filter) - breadth(right.filter));
    const early = this.#early;
    this.#early = [];
    this.#earlyBytes = 0;
    for (const batch of early) {
      this.push(batch);
    }
    return feed;
  }

  push(batch: PeerBatch): void {
    const receiver = this.#receivers.find(({ filter }) => fits(filter, batch));
    if (receiver?.shared === true) {
      this.#share(receiver, batch);
    } else if (receiver !== undefined) {
      receiver.feed.push(batch);
    } else if (ROUTER_ONLY.has(batch.subprotocolId)) {
      this.#dropped += 1;
      this.#consume(batch);
    } else if (batch.isDroppable && this.#earlyBytes + batch.bytes > DEFAULT_BUFFER_BYTES) {
      this.#dropped += 1;
      this.#consume(batch);
    } else {
      this.#earlyBytes += batch.isDroppable ? batch.bytes : 0;
      this.#early.push(batch);
    }
  }

  #share({ filter }: Receiver, batch: PeerBatch): void {
    const sharers = this.#receivers.filter(
      (receiver) => receiver.shared && isSame(receiver.filter, filter),
    );
    batch.holders = sharers.length;
    for (const { feed } of sharers) {
      feed.push(batch);
    }
  }

  /** Ends every receiver. */
  close(): void {
    for (const { feed } of [...this.#receivers]) {
      feed.end();
    }
    this.#early = [];
    this.#earlyBytes = 0;
  }

  #close(receiver: Receiver): void {
    const index = this.#receivers.indexOf(receiver);
    if (index >= 0) {
      this.#receivers.splice(index, 1);
      this.#dropped += receiver.feed.dropped;
    }
  }
}

function fits(filter: EventFilter, batch: ReceivedBatch): boolean {
  return (
    (filter.peer === undefined || filter.peer === batch.peer) &&
    (filter.streamId === undefined || filter.streamId === batch.streamId) &&
    (filter.subprotocolId === undefined
      ? !ROUTER_ONLY.has(batch.subprotocolId)
      : filter.subprotocolId === batch.subprotocolId)
  );
}

function isSame(left: EventFilter, right: EventFilter): boolean {
  return (
    left.peer === right.peer &&
    left.streamId === right.streamId &&
    left.subprotocolId === right.subprotocolId
  );
}

function breadth({ peer, streamId, subprotocolId }: EventFilter): number {
  return (
    (peer === undefined ? 1 : 0) +
    (subprotocolId === undefined ? 2 : 0) +
    (streamId === undefined ? 4 : 0)
  );
}
