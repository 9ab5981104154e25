import { ensureChannelName, type SubscribeRequest } from "@gaiaftcl/net-channel";
import { channelHash, type PermissionToken, publishStreamId } from "@gaiaftcl/net-identity";
import { EventIterator, type Iteration } from "./event-iterator.js";
import type { Feed } from "./feed.js";
import type { PeerBatch, ReceivedEvent } from "./received.js";
import type { ReceiveOptions } from "./receivers.js";

export interface SubscribeOptions {
  readonly token?: PermissionToken;
  /** The token's parents, the nearest first; peers of our own kind verify the chain. */
  readonly parents?: readonly PermissionToken[];
  /** Events go to one member of the group each. */
  readonly queueGroup?: string;
  /** Ends the subscription, or the request for it. */
  readonly signal?: AbortSignal;
  /** Bytes of events held that no sender holds back; further ones are dropped. 64 MiB. */
  readonly bufferBytes?: number;
}

/** What a subscription needs of its node. */
export interface SubscriptionPort {
  receive(options: ReceiveOptions): Feed<PeerBatch>;
  subscribe(request: SubscribeRequest, signal: AbortSignal | undefined): Promise<void>;
  unsubscribe(publisher: bigint, channel: string): Promise<void>;
}

/** The events of one channel of one publisher. */
export class Subscription implements Iteration<ReceivedEvent> {
  readonly publisher: bigint;
  readonly channel: string;
  readonly #port: SubscriptionPort;
  readonly #feed: Feed<PeerBatch>;
  readonly #events: EventIterator;
  #isEnded = false;
  #forgetSignal = (): void => undefined;

  private constructor(
    port: SubscriptionPort,
    publisher: bigint,
    channel: string,
    feed: Feed<PeerBatch>,
  ) {
    this.publisher = publisher;
    this.channel = channel;
    this.#port = port;
    this.#feed = feed;
    this.#events = new EventIterator(feed);
  }

  static async open(
    port: SubscriptionPort,
    publisher: bigint,
    channel: string,
    options: SubscribeOptions,
  ): Promise<Subscription> {
    const { signal, bufferBytes, ...rights } = options;
    signal?.throwIfAborted();
    // Before the request: the first event may come with the answer.
    const feed = port.receive({
      peer: publisher,
      streamId: publishStreamId(channelHash(ensureChannelName(channel))),
      shared: true,
      ...(signal === undefined ? {} : { signal }),
      ...(bufferBytes === undefined ? {} : { bufferBytes }),
    });
    try {
      await port.subscribe({ publisher, channel, ...rights }, signal);
    } catch (error) {
      feed.end();
      throw error;
    }
    const subscription = new Subscription(port, publisher, channel, feed);
    subscription.#endWith(signal);
    return subscription;
  }

  /** Packets of events dropped since they were not taken in time. */
  get dropped(): number {
    return this.#feed.dropped;
  }

  async next(): Promise<IteratorResult<ReceivedEvent, undefined>> {
    return this.#events.next();
  }

  /** Unsubscribes, and waits for the publisher's answer as long as it takes one. */
  async return(): Promise<IteratorResult<ReceivedEvent, undefined>> {
    await this.#end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }

  #endWith(signal: AbortSignal | undefined): void {
    const aborted = (): void => {
      this.#end().catch(() => undefined);
    };
    signal?.addEventListener("abort", aborted, { once: true });
    this.#forgetSignal = (): void => {
      signal?.removeEventListener("abort", aborted);
    };
  }

  async #end(): Promise<void> {
    if (!this.#isEnded) {
      this.#isEnded = true;
      this.#forgetSignal();
      this.#feed.end();
      await this.#port.unsubscribe(this.publisher, this.channel);
    }
  }
}
