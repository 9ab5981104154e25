import type { StandardSchemaV1 } from "@standard-schema/spec";
import { EventBusError } from "./event-bus-error.js";
import type { EventStream, StreamOptions } from "./event-stream.js";
import type { FilterInput } from "./filter.js";
import type { StoredEvent } from "./stored-event.js";

/** What a channel needs of its bus. */
export interface ChannelHost {
  ingestRaw(text: string): boolean;
  events(options: StreamOptions): EventStream;
  onInvalid(channel: string, event: StoredEvent, error: EventBusError): void;
}

/** An event of a channel: its value, checked, and the event it came in. */
export interface ChannelEvent<T> {
  readonly value: T;
  readonly event: StoredEvent;
}

export type ChannelStreamOptions = Omit<StreamOptions, "filter">;

/**
 * Events of one type under one name, beside all others on the bus. An event of a channel is stored
 * as `{"channel":<name>,"data":<value>}`, so that other languages find it with the filter
 * `{"path":"channel","value":<name>}`.
 */
export class Channel<Input, Output = Input> {
  readonly name: string;
  readonly #host: ChannelHost;
  readonly #schema: StandardSchemaV1<Input, Output> | undefined;
  readonly #prefix: string;

  constructor(
    host: ChannelHost,
    name: string,
    schema: StandardSchemaV1<Input, Output> | undefined,
  ) {
    if (name === "" || !name.isWellFormed()) {
      throw new EventBusError("INVALID_OPTION", "a channel's name must be Unicode text, not empty");
    }
    this.#host = host;
    this.name = name;
    this.#schema = schema;
    this.#prefix = `{"channel":${JSON.stringify(name)},"data":`;
  }

  /** The filter that selects the events of this channel. */
  get filter(): FilterInput {
    return { path: "channel", value: this.name };
  }

  /**
   * Checks a value against the schema and ingests it as it was given. False as with `ingest`.
   *
   * @throws EventBusError `SCHEMA` when it does not pass, or when the schema is asynchronous.
   */
  publish(value: Input): boolean {
    const result = this.#schema?.["~standard"].validate(value);
    if (result instanceof Promise) {
      result.catch(() => undefined);
      throw new EventBusError(
        "SCHEMA",
        `the schema of channel ${this.name} validates asynchronously; use publishAsync`,
      );
    }
    if (result?.issues !== undefined) throw this.#rejected("publish", result.issues);
    return this.#ingest(value);
  }

  /** Like `publish`, for a schema that may be asynchronous. */
  async publishAsync(value: Input): Promise<boolean> {
    const result = await this.#schema?.["~standard"].validate(value);
    if (result?.issues !== undefined) throw this.#rejected("publish", result.issues);
    return this.#ingest(value);
  }

  /**
   * The channel's events, each with the value that the schema makes of it. One that does not pass
   * is passed over, counted and reported by the bus's `invalid` event.
   */
  async *events(
    options: ChannelStreamOptions = {},
  ): AsyncGenerator<ChannelEvent<Output>, undefined, undefined> {
    await using stream = this.#host.events({ ...options, filter: this.filter });
    for await (const event of stream) {
      const { data } = event.parse<{ readonly data?: unknown }>();
      const result = await this.#schema?.["~standard"].validate(data);
      if (result === undefined) yield { value: data as Output, event };
      else if (result.issues === undefined) yield { value: result.value, event };
      else this.#host.onInvalid(this.name, event, this.#rejected("read", result.issues));
    }
    return undefined;
  }

  #ingest(value: Input): boolean {
    const text = JSON.stringify(value);
    if (text === undefined) {
      throw new EventBusError("INVALID_EVENT", `a ${typeof value} has no JSON text`);
    }
    return this.#host.ingestRaw(`${this.#prefix}${text}}`);
  }

  #rejected(doing: string, issues: readonly StandardSchemaV1.Issue[]): EventBusError {
    const found = issues.map(({ message, path }) => {
      const keys = path?.map((part) => String(typeof part === "object" ? part.key : part));
      return keys === undefined || keys.length === 0 ? message : `${keys.join(".")}: ${message}`;
    });
    return new EventBusError(
      "SCHEMA",
      `cannot ${doing} an event of channel ${this.name}: ${found.join("; ")}`,
    );
  }
}
