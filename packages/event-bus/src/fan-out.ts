import type {
  AdapterContext,
  EventAdapter,
  GroupMember,
  GroupOptions,
  ReadRequest,
  ShardPage,
} from "./adapter.js";
import type { EventBatch } from "./event-batch.js";
import { EventBusError, toEventBusError } from "./event-bus-error.js";

export interface FanOutOptions {
  /** Which of the adapters is polled and streamed from; default the first, 0. */
  readonly readFrom?: number;
}

/** What one adapter of a fan-out has got. */
export interface FanOutStats {
  readonly name: string;
  /** Events it took. */
  readonly delivered: number;
  /** Attempts that it failed. */
  readonly failures: number;
}

/** The batch of a shard that is under way, and which adapters have it. */
interface UnderWay {
  readonly id: string;
  readonly has: Set<number>;
}

/**
 * Every event to several backends. A batch is done when all have it; one that fails gets it again,
 * the others do not. All therefore go at the pace of the slowest, and wait for one that is down.
 */
export class FanOut implements EventAdapter {
  readonly name: string;
  readonly news?: NonNullable<EventAdapter["news"]>;
  readonly join?: NonNullable<EventAdapter["join"]>;
  readonly #targets: readonly EventAdapter[];
  readonly #source: EventAdapter;
  readonly #underWay: Map<number, UnderWay> = new Map();
  readonly #stats: { delivered: number; failures: number }[];

  constructor(targets: readonly EventAdapter[], options: FanOutOptions = {}) {
    const source = targets[options.readFrom ?? 0];
    if (source === undefined || new Set(targets).size !== targets.length) {
      throw new EventBusError(
        "INVALID_OPTION",
        `a fan-out needs different adapters, and readFrom the index of one; it has ${targets.length} and readFrom is ${options.readFrom ?? 0}`,
      );
    }
    this.#targets = targets;
    this.#source = source;
    this.#stats = targets.map(() => ({ delivered: 0, failures: 0 }));
    this.name = `fan-out to ${targets.map(({ name }) => name).join(", ")}`;
    if (source.news !== undefined) {
      this.news = (positions, signal) => (source as Required<EventAdapter>).news(positions, signal);
    }
    if (source.join !== undefined) {
      this.join = (group: GroupOptions): Promise<GroupMember> =>
        (source as Required<EventAdapter>).join(group);
    }
  }

  stats(): readonly FanOutStats[] {
    return this.#stats.map((stats, i) => ({ name: this.#targets[i]?.name ?? "", ...stats }));
  }

  open(context: AdapterContext): void {
    for (const target of this.#targets) target.open?.(context);
  }

  async connect(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#targets.map((target) => target.connect?.(signal)));
  }

  append(batch: EventBatch, signal: AbortSignal): void | Promise<void> {
    const has = this.#begin(batch);
    const pending: Promise<void>[] = [];
    const errors: EventBusError[] = [];
    for (const [i, target] of this.#targets.entries()) {
      if (has.has(i)) continue;
      const taken = (): void => {
        has.add(i);
        (this.#stats[i] as { delivered: number }).delivered += batch.count;
      };
      const failed = (thrown: unknown): void => {
        (this.#stats[i] as { failures: number }).failures += 1;
        errors.push(toEventBusError(thrown, `appending to ${target.name}`));
      };
      try {
        const result = target.append(batch, signal);
        if (result === undefined) taken();
        else pending.push(result.then(taken, failed));
      } catch (thrown) {
        failed(thrown);
      }
    }
    if (pending.length === 0) return this.#end(batch, errors);
    return Promise.all(pending).then(() => this.#end(batch, errors));
  }

  read(request: ReadRequest): ShardPage | Promise<ShardPage> {
    return this.#source.read(request);
  }

  async flush(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#targets.map((target) => target.flush?.(signal)));
  }

  async close(): Promise<void> {
    await Promise.all(this.#targets.map((target) => target.close()));
  }

  /** Which adapters have the batch from earlier attempts. */
  #begin({ shardId, nonce, sequenceStart }: EventBatch): Set<number> {
    const id = `${nonce}:${sequenceStart}`;
    let underWay = this.#underWay.get(shardId);
    if (underWay?.id !== id) {
      underWay = { id, has: new Set() };
      this.#underWay.set(shardId, underWay);
    }
    return underWay.has;
  }

  #end({ shardId }: EventBatch, errors: readonly EventBusError[]): void {
    const [first] = errors;
    if (first === undefined) {
      this.#underWay.delete(shardId);
      return;
    }
    const code = errors.find(({ retryable }) => retryable)?.code ?? first.code;
    const message = errors.map((error) => error.message).join("; ");
    throw new EventBusError(code, message, { cause: first, shardId });
  }
}

/** Sends every event of a bus to several adapters. */
export function fanOut(targets: readonly EventAdapter[], options: FanOutOptions = {}): FanOut {
  return new FanOut(targets, options);
}
