import type { EventAdapter, ReadRequest, ShardPage } from "./adapter.js";
import { EnvelopeReader } from "./envelope.js";
import type { EventBatch } from "./event-batch.js";
import { EventBusError } from "./event-bus-error.js";
import type { StoredEvent } from "./stored-event.js";

interface Entry {
  readonly id: string;
  readonly envelope: string;
  readonly dedupId: string | null;
}

/**
 * A backend with streams as Redis has them, in memory: ids `ms-seq`, entries that need not be
 * events, reads that cost a turn. It can be told to fail.
 */
export class StreamBackend implements EventAdapter {
  readonly name = "stream backend";
  readonly streams: Map<number, Entry[]> = new Map();
  readonly asked: number[] = [];
  /** Called before every append and read; throws to make it fail. */
  fail: (what: "append" | "read", shardId: number) => void | Promise<void> = () => undefined;
  readonly #reader: EnvelopeReader = new EnvelopeReader();

  put(shardId: number, id: string, envelope: string, dedupId: string | null = null): void {
    const stream = this.streams.get(shardId) ?? [];
    this.streams.set(shardId, stream);
    stream.push({ id, envelope, dedupId });
  }

  async append(batch: EventBatch): Promise<void> {
    await this.fail("append", batch.shardId);
    const stream = this.streams.get(batch.shardId) ?? [];
    for (let i = 0; i < batch.count; i += 1) {
      this.put(batch.shardId, `${stream.length + i + 1}-0`, batch.envelope(i), batch.dedupId(i));
    }
    await Promise.resolve();
  }

  async read({ shardId, after, limit }: ReadRequest): Promise<ShardPage> {
    this.asked.push(limit + 1);
    await this.fail("read", shardId);
    const match = after === undefined ? ["", "-1", "0"] : /^([0-9]+)(?:-([0-9]+))?$/.exec(after);
    if (match === null) throw new EventBusError("FATAL", `ERR Invalid stream ID ${after}`);
    const [high, low] = [Number(match[1]), Number(match[2] ?? 0)];
    const found = (this.streams.get(shardId) ?? []).filter(({ id }) => {
      const [h = 0, l = 0] = id.split("-").map(Number);
      return h > high || (h === high && l > low);
    });
    const entries = found.slice(0, limit);
    const events = entries
      .map(({ id, envelope, dedupId }) => this.#reader.read(id, Buffer.from(envelope), dedupId))
      .filter((event): event is StoredEvent => event !== undefined);
    return {
      events,
      position: entries.at(-1)?.id,
      more: found.length > limit,
      unreadable: entries.length - events.length,
      missed: 0,
    };
  }

  /** The texts of the events of a shard, in order. */
  texts(shardId: number): string[] {
    return (this.streams.get(shardId) ?? []).map(
      ({ envelope }) => this.#reader.read("0", Buffer.from(envelope), null)?.raw ?? "",
    );
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
