import type { EventBatch, StreamHandle } from "@gaiaftcl/net-wire";
import type { SimNode } from "./sim-node.testing.js";

const NUMBER_BYTES = 4;
const BATCH = 16;

export interface FlowOptions {
  readonly from: SimNode;
  readonly to: SimNode;
  readonly streamId: bigint;
  /** Bytes of each event, at least 4. */
  readonly sizes: readonly number[];
  /** The sender's window in bytes; unlimited when left out. */
  readonly window?: number;
  readonly now: () => number;
}

/**
 * Numbered events over one reliable stream, offered as the stream takes them. Fails at the first
 * event that is not the next one, byte by byte: lost, doubled, out of order or altered.
 */
export class ReliableFlow {
  readonly #options: FlowOptions;
  readonly #handle: StreamHandle;
  #offered = 0;
  #arrived = 0;
  #failure: string | undefined;

  constructor(options: FlowOptions) {
    const { from, to, streamId, window } = options;
    this.#options = options;
    this.#handle = from.do((core, now) =>
      core.openStream(to.nodeId, streamId, now, {
        reliability: "reliable",
        ...(window === undefined ? {} : { window }),
      }),
    );
    from.listeners.add((event) => {
      if (event.type === "writable" && event.peer === to.nodeId && event.streamId === streamId) {
        from.later(() => {
          this.pump();
        });
      }
    });
    to.listeners.add((event) => {
      if (
        event.type === "events" &&
        event.peer === from.nodeId &&
        event.batch.streamId === streamId
      ) {
        this.#take(event.batch);
      }
    });
    this.pump();
  }

  /** Whether everything arrived. @throws Error at the first event that is not the next one */
  get isDone(): boolean {
    if (this.#failure !== undefined) {
      throw new Error(this.#failure);
    }
    return this.#arrived === this.#options.sizes.length;
  }

  /** Offers what the stream takes. */
  pump(): void {
    const { from, to, sizes } = this.#options;
    while (this.#offered < sizes.length) {
      const batch = sizes
        .slice(this.#offered, this.#offered + BATCH)
        .map((size, index) => eventOf(this.#offered + index, size));
      const taken = from.do((core, now) => core.send(to.nodeId, this.#handle, batch, now));
      this.#offered += taken;
      if (taken < batch.length) {
        return;
      }
    }
  }

  #take(batch: EventBatch): void {
    const { from, to, sizes, now } = this.#options;
    for (const event of batch) {
      const expected = this.#arrived;
      const size = sizes[expected];
      if (size === undefined || !isEvent(event, expected, size)) {
        this.#failure ??= `expected event ${expected} of ${size} bytes, found ${describe(event)}`;
        return;
      }
      this.#arrived += 1;
    }
    to.later(() => {
      to.core.consume(from.nodeId, batch, now());
    });
  }
}

function eventOf(number: number, size: number): Uint8Array {
  const event = new Uint8Array(Math.max(size, NUMBER_BYTES)).fill((number * 31 + size) & 0xff);
  new DataView(event.buffer).setUint32(0, number, true);
  return event;
}

function isEvent(event: Uint8Array, number: number, size: number): boolean {
  return Buffer.compare(event, eventOf(number, size)) === 0;
}

function describe(event: Uint8Array): string {
  const view = new DataView(event.buffer, event.byteOffset, event.byteLength);
  return event.length < NUMBER_BYTES
    ? `${event.length} bytes`
    : `event ${view.getUint32(0, true)} of ${event.length} bytes`;
}
