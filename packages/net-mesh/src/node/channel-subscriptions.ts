import type { SubscribeRequest } from "@gaiaftcl/net-channel";
import type { MeshCore } from "../core/mesh-core.js";
import type { Feed } from "./feed.js";
import type { PeerBatch } from "./received.js";
import type { ReceiveOptions } from "./receivers.js";
import type { SubscriptionPort } from "./subscription.js";

/** The parts of a running node that subscriptions need. */
export interface SubscriptionSurroundings {
  readonly receive: (options: ReceiveOptions) => Feed<PeerBatch>;
  readonly run: <T>(command: (core: MeshCore, now: number) => T) => T;
  readonly operation: (
    signal: AbortSignal | undefined,
    start: (resolve: () => void, reject: (error: Error) => void) => () => void,
  ) => Promise<void>;
  readonly isClosing: () => boolean;
}

/**
 * The subscriptions of one node. A publisher knows a node as one subscriber of a channel, however many
 * subscriptions the node has there: it hears of the end of the last one only.
 */
export class ChannelSubscriptions implements SubscriptionPort {
  readonly #around: SubscriptionSurroundings;
  /** How many stand on a channel of a publisher. */
  readonly #standing = new Map<string, number>();

  constructor(around: SubscriptionSurroundings) {
    this.#around = around;
  }

  receive(options: ReceiveOptions): Feed<PeerBatch> {
    return this.#around.receive(options);
  }

  async subscribe(request: SubscribeRequest, signal: AbortSignal | undefined): Promise<void> {
    const key = keyOf(request.publisher, request.channel);
    await this.#around.operation(signal, (resolve, reject) => {
      const takeBack = this.#around.run((core, now) =>
        core.subscribe(request, now, (error) => {
          if (error === undefined) {
            this.#standing.set(key, (this.#standing.get(key) ?? 0) + 1);
            resolve();
          } else {
            reject(error);
          }
        }),
      );
      return () => {
        if (!this.#standing.has(key) && !this.#around.isClosing()) {
          this.#around.run(takeBack);
        }
      };
    });
  }

  async unsubscribe(publisher: bigint, channel: string): Promise<void> {
    const key = keyOf(publisher, channel);
    const others = (this.#standing.get(key) ?? 1) - 1;
    if (others > 0) {
      this.#standing.set(key, others);
      return;
    }
    this.#standing.delete(key);
    if (this.#around.isClosing()) {
      return;
    }
    try {
      await this.#around.operation(undefined, (resolve) => {
        this.#around.run((core, now) => {
          // Whoever leaves does not care why the publisher did not hear of it.
          core.unsubscribe(publisher, channel, now, () => {
            resolve();
          });
        });
        return () => undefined;
      });
    } catch (error) {
      if (!this.#around.isClosing()) {
        throw error;
      }
    }
  }
}

function keyOf(publisher: bigint, channel: string): string {
  return `${publisher}/${channel}`;
}
