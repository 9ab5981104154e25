import type {
  AdapterContext,
  EventAdapter,
  EventBatch,
  ReadRequest,
  ShardPage,
} from "@gaiaftcl/event-bus";
import { EventBusError } from "@gaiaftcl/event-bus";
import type { EventBatch as ReceivedBatch } from "@gaiaftcl/net-wire";
import { NetWireError } from "@gaiaftcl/net-wire";
import { EndpointLink } from "./endpoint-link.js";
import {
  type EndpointSettings,
  endpointSettings,
  type NetEndpointOptions,
} from "./endpoint-options.js";
import type { EndpointSession } from "./endpoint-session.js";
import { InboundShard } from "./inbound-shard.js";

export interface NetEndpointStats {
  readonly connected: boolean;
  /** Whether the peer is of our own kind: acknowledged streams under keys of the full key schedule. */
  readonly strict: boolean;
  readonly received: number;
  /** Received events that are not JSON text; they are not kept. */
  readonly unreadable: number;
  /** Received events given up because `maxEvents` were kept already. */
  readonly evicted: number;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });
const POSITION = /^(?:0|[1-9][0-9]{0,15})$/;

/**
 * A bus adapter over one encrypted UDP session with exactly one other endpoint, which may be a
 * 0.19.0 node (`Net(net_bind_addr=…)`): what is ingested here can be polled there, and the other
 * way round (Net transport format, sections 1 and 14.3).
 *
 * Towards a 0.19.0 peer `append` is done when the packets have left. Between two endpoints of our
 * own with reliability "light" or "full" it is done when the peer has acknowledged them, and a
 * batch that is tried again after a broken session may arrive twice.
 */
export class NetEndpoint implements EventAdapter {
  readonly name = "net";
  readonly #settings: EndpointSettings;
  readonly #link: EndpointLink;
  readonly #waiting = new Set<() => void>();
  #opening: Promise<void> | undefined;
  #shards: InboundShard[] = [];
  #clock: () => bigint = () => 0n;
  #kept = 0;
  #received = 0;
  #unreadable = 0;
  #evicted = 0;
  #nextEviction = 0;
  #isClosed = false;

  /** @throws NetMeshError `INVALID_OPTION`, with the words of the format */
  constructor(options: NetEndpointOptions) {
    this.#settings = endpointSettings(options);
    this.#link = new EndpointLink(this.#settings, {
      deliver: (batch) => {
        this.#deliver(batch);
      },
      changed: () => {
        this.#wake();
      },
    });
  }

  /** Where the socket is bound, once connected or connecting. */
  get address(): string | undefined {
    return this.#link.address;
  }

  get stats(): NetEndpointStats {
    const { session } = this.#link;
    return {
      connected: session !== undefined,
      strict: session?.isStrict === true,
      received: this.#received,
      unreadable: this.#unreadable,
      evicted: this.#evicted,
    };
  }

  open({ shards, clock }: AdapterContext): void {
    if (this.#shards.length > 0) {
      throw new EventBusError(
        "INVALID_OPTION",
        "a net endpoint serves one bus; make another for another bus",
      );
    }
    this.#shards = Array.from({ length: shards }, (_, shard) => new InboundShard(shard));
    this.#clock = clock;
  }

  /** Binds the socket and waits for the handshake. @throws EventBusError `TIMEOUT` after three calls without an answer */
  async connect(signal: AbortSignal): Promise<void> {
    await this.#session(signal);
  }

  async append(batch: EventBatch, signal: AbortSignal): Promise<void> {
    const session = await this.#session(signal);
    const streamId = BigInt(batch.shardId);
    const payloads = Array.from({ length: batch.count }, (_, index) => batch.payload(index));
    let sent = 0;
    while (sent < payloads.length) {
      sent += this.#send(
        session,
        streamId,
        sent === 0 ? payloads : payloads.slice(sent),
        batch.shardId,
      );
      this.#link.flushSoon();
      if (sent < payloads.length) await this.#change(session, signal);
    }
    while (
      session.isStrict &&
      this.#settings.isReliable &&
      (session.streams.stats(streamId)?.outboundPending ?? 0) > 0
    ) {
      await this.#change(session, signal, ACKNOWLEDGED_POLL_MS);
    }
  }

  read({ shardId, after, limit }: ReadRequest): ShardPage {
    if (after !== undefined && !POSITION.test(after)) {
      throw new EventBusError(
        "FATAL",
        `${JSON.stringify(after)} is no position of a net endpoint`,
        { shardId },
      );
    }
    return (this.#shards[shardId] as InboundShard).read(Number(after ?? 0), limit);
  }

  async news(
    positions: ReadonlyMap<number, string | undefined>,
    signal: AbortSignal,
  ): Promise<void> {
    const isNew = (): boolean =>
      [...positions].some(
        ([shard, id]) => (this.#shards[shard] as InboundShard).nextId - 1 > Number(id ?? 0),
      );
    while (!isNew() && !signal.aborted && !this.#isClosed) await this.#turn(signal);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#opening?.catch(() => undefined);
    await this.#link.close();
    this.#wake();
  }

  async #session(signal: AbortSignal): Promise<EndpointSession> {
    this.#opening ??= this.#link.open();
    await this.#opening.catch((cause: unknown) => {
      this.#opening = undefined;
      throw new EventBusError(
        "TRANSIENT",
        `the socket cannot be opened: ${(cause as Error).message}`,
        { cause },
      );
    });
    this.#link.callNow();
    for (;;) {
      if (this.#isClosed) throw new EventBusError("CLOSED", "the net endpoint has been closed");
      if (signal.aborted)
        throw new EventBusError("ABORTED", "the caller's signal was aborted", {
          cause: signal.reason,
        });
      const { session } = this.#link;
      if (session !== undefined) return session;
      if (this.#link.isGivenUp)
        throw new EventBusError("TIMEOUT", "connection error: handshake timeout");
      await this.#turn(signal);
    }
  }

  #send(
    session: EndpointSession,
    streamId: bigint,
    payloads: readonly Uint8Array[],
    shardId: number,
  ): number {
    try {
      return session.streams.sendTo(streamId, payloads, performance.now(), { uncredited: true });
    } catch (cause) {
      const isTooLarge = cause instanceof NetWireError && cause.code === "EVENT_TOO_LARGE";
      throw new EventBusError(isTooLarge ? "FATAL" : "TRANSIENT", (cause as Error).message, {
        cause,
        shardId,
      });
    }
  }

  /** Waits for room or acknowledgement. @throws EventBusError `TRANSIENT` when the session is gone */
  async #change(session: EndpointSession, signal: AbortSignal, atMostMs?: number): Promise<void> {
    await this.#turn(signal, atMostMs);
    if (signal.aborted)
      throw new EventBusError("ABORTED", "the caller's signal was aborted", {
        cause: signal.reason,
      });
    if (this.#isClosed) throw new EventBusError("CLOSED", "the net endpoint has been closed");
    if (this.#link.session !== session)
      throw new EventBusError("TRANSIENT", "the session with the other endpoint ended");
  }

  /** Resolves at the next change of anything, or when `signal` is aborted. */
  #turn(signal: AbortSignal, atMostMs?: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = atMostMs === undefined ? undefined : setTimeout(done, atMostMs);
      this.#waiting.add(done);
      signal.addEventListener("abort", done);
      if (signal.aborted) done();
    });
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }

  #deliver(batch: ReceivedBatch): void {
    const shard = this.#shards[
      Number(batch.streamId % BigInt(this.#shards.length))
    ] as InboundShard;
    const insertionTs = this.#clock();
    for (const event of batch.events()) {
      const raw = textOf(event);
      if (raw === undefined) {
        this.#unreadable += 1;
        continue;
      }
      shard.add(raw, insertionTs);
      this.#received += 1;
      this.#kept += 1;
    }
    this.#shrink();
    this.#wake();
  }

  /** Gives up the oldest events of the fullest shards until no more are kept than allowed. */
  #shrink(): void {
    while (this.#kept > this.#settings.maxEvents) {
      const shard = this.#shards[this.#nextEviction % this.#shards.length] as InboundShard;
      this.#nextEviction += 1;
      if (shard.size > 0) {
        shard.dropOldest();
        this.#kept -= 1;
        this.#evicted += 1;
      }
    }
  }
}

/** How often an unacknowledged batch is looked at beside the changes that are told. */
const ACKNOWLEDGED_POLL_MS = 5;

/** The JSON text of an event, or undefined when it is none. */
function textOf(event: Uint8Array): string | undefined {
  try {
    const text = utf8.decode(event);
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}
