import { delayAfter, Pause } from "./backoff.js";
import type { DeliveryContext } from "./delivery.js";
import { EventBatch } from "./event-batch.js";
import { EventBusError, toEventBusError } from "./event-bus-error.js";

type Attempt = { readonly ok: true } | { readonly ok: false; readonly error: EventBusError };

/**
 * Hands the events of one shard to the adapter: one batch at a time, so that their order is kept,
 * and each until it is stored, spilled or given up.
 */
export class Lane {
  readonly #shard: number;
  readonly #context: DeliveryContext;
  readonly #pause: Pause = new Pause();
  #isBusy = false;
  #work: Promise<void> = Promise.resolve();
  /** Events in hand: taken out of the ring, not settled. */
  #inHand = 0;
  #firstInHand = 0;
  #failing = false;

  constructor(shard: number, context: DeliveryContext) {
    this.#shard = shard;
    this.#context = context;
  }

  /** The number, within the shard, of the oldest event taken out of the ring and not settled. */
  get firstInHand(): number | undefined {
    return this.#inHand > 0 ? this.#firstInHand : undefined;
  }

  /** Whether the last attempt failed. */
  get failing(): boolean {
    return this.#failing;
  }

  /** There is something in the ring, or in the spill. */
  kick(): void {
    if (this.#isBusy) {
      // While the spill goes first, the ring must not run full behind it.
      if (this.#context.spill?.has(this.#shard) && this.#context.isFilling(this.#shard)) {
        this.#pause.end();
      }
      return;
    }
    if (this.#context.stop.aborted) return;
    this.#isBusy = true;
    if (this.#context.spill?.has(this.#shard)) this.#start(undefined, undefined);
    else if (!this.#startRing()) this.#isBusy = false;
  }

  /** Resolves when the lane has nothing to do or was stopped. */
  async idle(): Promise<void> {
    while (this.#isBusy) await this.#work;
  }

  /** Cuts a pause short. */
  hurry(): void {
    this.#pause.end();
  }

  /** Hands over what the adapter takes at once; whether it has to be waited for. */
  #startRing(): boolean {
    for (let batch = this.#next(); batch !== undefined; batch = this.#next()) {
      try {
        const pending = this.#context.adapter.append(batch, this.#context.stop);
        if (pending !== undefined) {
          this.#start(batch, this.#timed(pending));
          return true;
        }
      } catch (thrown) {
        this.#start(batch, Promise.resolve(this.#failed(thrown)));
        return true;
      }
      this.#settle(batch.count, "delivered");
      batch.chunk.recycle();
    }
    return false;
  }

  #start(batch: EventBatch | undefined, attempt: Promise<Attempt> | undefined): void {
    this.#work = this.#run(batch, attempt);
  }

  async #run(first: EventBatch | undefined, attempt: Promise<Attempt> | undefined): Promise<void> {
    const { spill, stop } = this.#context;
    try {
      if (first !== undefined) await this.#deliver(first, attempt);
      while (!stop.aborted) {
        if (spill?.has(this.#shard)) await this.#replay();
        else {
          const batch = this.#next();
          if (batch === undefined) return;
          await this.#deliver(batch, undefined);
        }
      }
    } finally {
      // In the same step in which the ring was seen to be empty: whoever fills it after that finds
      // the lane idle and starts it again.
      this.#isBusy = false;
      this.#context.onProgress();
    }
  }

  #next(): EventBatch | undefined {
    const taken = this.#context.take(this.#shard);
    if (taken === undefined) return undefined;
    const count = taken.chunk.count - taken.from;
    this.#inHand = count;
    this.#firstInHand = this.#context.passedOf(this.#shard) - count;
    this.#context.counters.inFlight += count;
    const sequence = this.#context.nextSequence(this.#shard, count);
    return new EventBatch(this.#shard, this.#context.nonce, sequence, taken.chunk, taken.from);
  }

  async #deliver(batch: EventBatch, started: Promise<Attempt> | undefined): Promise<void> {
    const isFirstAttempt = await this.#deliverBatch(batch, started);
    // An attempt that was given up may still be reading the batch.
    if (isFirstAttempt) batch.chunk.recycle();
    else batch.chunk.abandon();
  }

  /** Whether the batch was taken at the first attempt. */
  async #deliverBatch(batch: EventBatch, started: Promise<Attempt> | undefined): Promise<boolean> {
    const { retry, stop, spill, spillAfter } = this.#context;
    for (let attempt = 1; ; attempt += 1) {
      const result = await (attempt === 1 && started ? started : this.#try(batch));
      if (result.ok) {
        this.#settle(batch.count, "delivered");
        return attempt === 1;
      }
      const { error } = result;
      const mayTryAgain = error.retryable && attempt < retry.attempts;
      if (spill !== undefined) {
        const spillNow = attempt >= spillAfter || !mayTryAgain || this.#context.isClosing();
        if (spillNow && (await this.#spill(batch, attempt, error))) return false;
      } else if (stop.aborted) {
        this.#giveBack(batch, error);
        return false;
      } else if (!mayTryAgain) {
        this.#report(batch, attempt, error, "failed");
        this.#settle(batch.count, "failed");
        return false;
      }
      if (!stop.aborted) await this.#wait(batch, attempt, error);
      if (stop.aborted) {
        this.#giveBack(batch, error);
        return false;
      }
    }
  }

  /** Delivers the oldest spilled batch; whatever is in the ring is put behind it meanwhile. */
  async #replay(): Promise<void> {
    const { spill, stop } = this.#context;
    if (spill === undefined) return;
    for (let attempt = 1; !stop.aborted; attempt += 1) {
      if (attempt > 1) await this.#spillRing();
      let batch: EventBatch | undefined;
      let result: Attempt;
      try {
        batch = await spill.oldest(this.#shard);
        if (batch === undefined) return;
        result = await this.#try(batch);
        if (result.ok) {
          const { count } = batch;
          await spill.remove(this.#shard, () => {
            this.#context.counters.delivered += count;
          });
          this.#recovered();
          this.#context.onProgress();
          return;
        }
      } catch (thrown) {
        result = this.#failed(thrown);
      }
      if (result.ok || stop.aborted) return;
      await this.#wait(batch, attempt, result.error);
    }
  }

  async #spillRing(): Promise<void> {
    for (let batch = this.#next(); batch !== undefined; batch = this.#next()) {
      const waiting = new EventBusError("TRANSIENT", "older events of the shard are in the spill");
      while (!(await this.#spill(batch, 0, waiting))) {
        if (this.#context.stop.aborted) return this.#giveBack(batch, waiting);
        await this.#wait(batch, 1, waiting);
      }
    }
  }

  async #spill(batch: EventBatch, attempt: number, error: EventBusError): Promise<boolean> {
    const { spill } = this.#context;
    try {
      await spill?.append(batch, () => this.#settle(batch.count, "spilled"));
    } catch (thrown) {
      this.#report(batch, attempt, this.#failed(thrown).error, "retry");
      return false;
    }
    if (attempt > 0) this.#report(batch, attempt, error, "spilled");
    return true;
  }

  #try(batch: EventBatch): Promise<Attempt> {
    try {
      const pending = this.#context.adapter.append(batch, this.#context.stop);
      return pending === undefined ? Promise.resolve({ ok: true }) : this.#timed(pending);
    } catch (thrown) {
      return Promise.resolve(this.#failed(thrown));
    }
  }

  /** An attempt that is still under way when its time is up, or the bus stops, has failed. */
  #timed(pending: Promise<void>): Promise<Attempt> {
    const { appendTimeoutMs, stop, adapter } = this.#context;
    return new Promise((resolve) => {
      const settle = (attempt: Attempt): void => {
        clearTimeout(timer);
        stop.removeEventListener("abort", onStop);
        resolve(attempt);
      };
      const late = (reason: string): EventBusError =>
        new EventBusError("TIMEOUT", `${adapter.name} did not take a batch ${reason}`, {
          shardId: this.#shard,
        });
      const onStop = (): void => settle({ ok: false, error: late("before the bus was closed") });
      const timer = setTimeout(() => {
        settle({ ok: false, error: late(`within ${appendTimeoutMs} ms`) });
      }, appendTimeoutMs);
      stop.addEventListener("abort", onStop);
      pending.then(
        () => settle({ ok: true }),
        (thrown: unknown) => settle(this.#failed(thrown)),
      );
      if (stop.aborted) onStop();
    });
  }

  #failed(thrown: unknown): { readonly ok: false; readonly error: EventBusError } {
    const doing = `appending to shard ${this.#shard} of ${this.#context.adapter.name}`;
    return { ok: false, error: toEventBusError(thrown, doing) };
  }

  async #wait(batch: EventBatch | undefined, attempt: number, error: EventBusError): Promise<void> {
    const { retry, counters } = this.#context;
    const delay = delayAfter(retry, this.#shard, attempt);
    counters.retries += 1;
    this.#report(batch, attempt, error, "retry", delay);
    await this.#pause.wait(delay);
  }

  #report(
    batch: EventBatch | undefined,
    attempt: number,
    error: EventBusError,
    outcome: "retry" | "spilled" | "failed",
    retryInMs?: number,
  ): void {
    this.#failing = true;
    this.#context.onFailure({
      shardId: this.#shard,
      events: batch?.count ?? 0,
      attempt,
      error,
      outcome,
      ...(retryInMs === undefined ? {} : { retryInMs }),
    });
  }

  #settle(count: number, as: "delivered" | "failed" | "spilled" | "undelivered"): void {
    this.#inHand -= count;
    const { counters } = this.#context;
    counters.inFlight -= count;
    counters[as] += count;
    if (as === "delivered") this.#recovered();
    this.#context.onProgress();
  }

  #recovered(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#context.onRecovery(this.#shard);
  }

  /** The bus stops with this batch in hand. */
  #giveBack(batch: EventBatch, error: EventBusError): void {
    if (error.code === "TIMEOUT") this.#context.counters.uncertain += batch.count;
    this.#settle(batch.count, "undelivered");
  }
}
