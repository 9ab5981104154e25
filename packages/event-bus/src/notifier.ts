import type { DeliveryFailure } from "./delivery.js";
import type { EventBusError } from "./event-bus-error.js";
import type { StoredEvent } from "./stored-event.js";

/** A stream could not read a shard and tries again. */
export interface ReadFailure {
  readonly shardId: number;
  readonly error: EventBusError;
  readonly retryInMs: number;
}

/** What a bus tells its listeners. */
export interface EventBusEvents {
  /** An attempt to deliver a batch failed. */
  readonly error: DeliveryFailure;
  readonly readError: ReadFailure;
  /** The adapter took a batch of a shard after failures. */
  readonly recovered: { readonly shardId: number };
  /** An event of a channel does not pass its schema. */
  readonly invalid: {
    readonly channel: string;
    readonly event: StoredEvent;
    readonly error: EventBusError;
  };
}

type Listener<Name extends keyof EventBusEvents> = (event: EventBusEvents[Name]) => void;
type Listeners = { [Name in keyof EventBusEvents]?: Set<Listener<Name>> };

/** Calls listeners; one that throws becomes a warning of the process and stops nothing. */
export class Notifier {
  readonly #listeners: Listeners = {};

  /** Returns a function that takes the listener away again. */
  on<Name extends keyof EventBusEvents>(name: Name, listener: Listener<Name>): () => void {
    const all = this.#of(name);
    all.add(listener);
    return () => all.delete(listener);
  }

  emit<Name extends keyof EventBusEvents>(name: Name, event: EventBusEvents[Name]): void {
    for (const listener of this.#of(name)) {
      try {
        listener(event);
      } catch (thrown) {
        process.emitWarning(`a listener of the event bus's "${name}" threw: ${String(thrown)}`);
      }
    }
  }

  #of<Name extends keyof EventBusEvents>(name: Name): Set<Listener<Name>> {
    const known: Set<Listener<Name>> | undefined = this.#listeners[name];
    if (known !== undefined) return known;
    const fresh = new Set<Listener<Name>>();
    (this.#listeners as Record<Name, Set<Listener<Name>>>)[name] = fresh;
    return fresh;
  }
}
