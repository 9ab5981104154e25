import type { Socket } from "node:net";
import {
  CancellationTokenSource,
  createMessageConnection,
  ErrorCodes,
  type MessageConnection,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import {
  CHANNEL_EVENT,
  type ChannelEvent,
  type FoundNode,
  type LeaveResult,
  type MethodName,
  type Methods,
  type NatResult,
  type NodeEntry,
  type NodeStatus,
  type PingResult,
  type PublishResult,
  SUBSCRIPTION_ENDED,
  type SubscriptionEnded,
} from "./control-protocol.js";
import { connectTo } from "./control-socket.js";
import { NetControlError } from "./net-control-error.js";
import { formatNodeId } from "./node-id-text.js";

export interface Cancellable {
  readonly signal?: AbortSignal;
}

/** How long a node may take to answer at all. */
const PATIENCE_MS = 10_000;
/** Events kept for a reader that is slow; the oldest are given up beyond. */
const MOST_KEPT = 10_000;

/** Drives a node that runs in another process of this host. */
export class ControlClient implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #connection: MessageConnection;
  readonly #subscriptions = new Map<number, Subscription>();
  #isClosed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#connection = createMessageConnection(
      new StreamMessageReader(socket),
      new StreamMessageWriter(socket),
    );
    this.#connection.onNotification(CHANNEL_EVENT, ({ subscription, payload }: ChannelEvent) => {
      this.#subscriptions.get(subscription)?.add(new Uint8Array(Buffer.from(payload, "base64")));
    });
    this.#connection.onNotification(
      SUBSCRIPTION_ENDED,
      ({ subscription, reason }: SubscriptionEnded) => {
        this.#subscriptions.get(subscription)?.end(new NetControlError("FAILED", reason));
      },
    );
    this.#connection.onClose(() => {
      this.#end();
    });
    // Without a listener, a broken socket would end the process.
    socket.on("error", () => undefined);
    this.#connection.listen();
  }

  /**
   * Connects to the node that listens at `socketPath`, and makes sure that it answers.
   *
   * @param options.patienceMs how long it may take to; 10,000
   * @throws NetControlError `NOT_RUNNING`; `NOT_ANSWERING` when its process is stopped, for example
   */
  static async connect(
    socketPath: string,
    options: Cancellable & { readonly patienceMs?: number } = {},
  ): Promise<ControlClient> {
    const { signal, patienceMs = PATIENCE_MS } = options;
    const client = new ControlClient(await connectTo(socketPath));
    const patience = AbortSignal.timeout(patienceMs);
    try {
      await client.status({
        signal: signal === undefined ? patience : AbortSignal.any([signal, patience]),
      });
      return client;
    } catch (error) {
      await client.close();
      if (patience.aborted && signal?.aborted !== true) {
        throw new NetControlError(
          "NOT_ANSWERING",
          `a node runs here and did not answer at ${socketPath} within ${patienceMs} ms; its process may be stopped`,
          { cause: error },
        );
      }
      throw error;
    }
  }

  status(options: Cancellable = {}): Promise<NodeStatus> {
    return this.#send("status", {}, options);
  }

  /** Peers, and nodes heard of through them. */
  nodes(options: Cancellable = {}): Promise<readonly NodeEntry[]> {
    return this.#send("nodes", {}, options);
  }

  /** Begins a session with the node that gave out `ticket`, and again whenever it is lost, until `leave`. */
  join(ticket: string, options: Cancellable = {}): Promise<NodeEntry> {
    return this.#send("join", { ticket }, options);
  }

  /** Ends the session with a node, and the calls for one; gives whether there was either. */
  leave(nodeId: bigint, options: Cancellable = {}): Promise<LeaveResult> {
    return this.#send("leave", { nodeId: formatNodeId(nodeId) }, options);
  }

  /** The time to a peer and back in milliseconds, and the address it sees this node at. */
  ping(nodeId: bigint, options: Cancellable = {}): Promise<PingResult> {
    return this.#send("ping", { nodeId: formatNodeId(nodeId) }, options);
  }

  /** Publishes one event; a channel the node does not know yet becomes one that everybody may join. */
  publish(
    channel: string,
    payload: Uint8Array,
    options: Cancellable & { readonly reliable?: boolean } = {},
  ): Promise<PublishResult> {
    const { reliable = false } = options;
    return this.#send("publish", { channel, payload: base64(payload), reliable }, options);
  }

  /** Subscribes the node to a channel of a peer and gives the events as they come, until `signal` is aborted. */
  async *subscribe(
    publisher: bigint,
    channel: string,
    options: Cancellable & { readonly token?: Uint8Array } = {},
  ): AsyncGenerator<Uint8Array, undefined, undefined> {
    const { token, signal } = options;
    const { subscription } = await this.#send(
      "subscribe",
      {
        publisher: formatNodeId(publisher),
        channel,
        ...(token === undefined ? {} : { token: base64(token) }),
      },
      options,
    );
    const events = new Subscription();
    this.#subscriptions.set(subscription, events);
    const stop = (): void => {
      events.end(undefined);
    };
    signal?.addEventListener("abort", stop);
    if (signal?.aborted === true || this.#isClosed) stop();
    try {
      for (let event = await events.next(); event !== undefined; event = await events.next())
        yield event;
      return undefined;
    } finally {
      signal?.removeEventListener("abort", stop);
      this.#subscriptions.delete(subscription);
      if (!this.#isClosed)
        await this.#send("unsubscribe", { subscription }, {}).catch(() => undefined);
    }
  }

  /** Announces what the node can do, as a capability dictionary (Net identity format, section 8.2). */
  async announce(
    capabilities: Readonly<Record<string, unknown>>,
    options: Cancellable = {},
  ): Promise<void> {
    await this.#send("announce", { capabilities }, options);
  }

  /** Nodes whose announcements match a filter, and a scope if given (Net identity format, section 10). */
  find(
    filter: Readonly<Record<string, unknown>>,
    options: Cancellable & { readonly scope?: Readonly<Record<string, unknown>> } = {},
  ): Promise<readonly FoundNode[]> {
    const { scope } = options;
    return this.#send("find", { filter, ...(scope === undefined ? {} : { scope }) }, options);
  }

  /** Finds out how the node looks from outside, by asking two of its peers. */
  nat(options: Cancellable = {}): Promise<NatResult> {
    return this.#send("nat", {}, options);
  }

  close(): Promise<void> {
    this.#end();
    this.#connection.dispose();
    this.#socket.destroy();
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #send<Name extends MethodName>(
    method: Name,
    params: Methods[Name]["params"],
    { signal }: Cancellable,
  ): Promise<Methods[Name]["result"]> {
    if (this.#isClosed)
      throw new NetControlError("NOT_RUNNING", "the node that was driven has ended");
    signal?.throwIfAborted();
    const cancellation = new CancellationTokenSource();
    let cancel = (): void => undefined;
    try {
      // A node whose process is stopped answers not even to that it is to give up.
      return await new Promise<Methods[Name]["result"]>((resolve, reject) => {
        cancel = (): void => {
          cancellation.cancel();
          reject(signal?.reason);
        };
        signal?.addEventListener("abort", cancel);
        this.#connection
          .sendRequest<Methods[Name]["result"]>(method, params, cancellation.token)
          .then(resolve, reject);
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw fromResponse(error);
    } finally {
      signal?.removeEventListener("abort", cancel);
      cancellation.dispose();
    }
  }

  #end(): void {
    this.#isClosed = true;
    for (const events of this.#subscriptions.values()) {
      events.end(new NetControlError("NOT_RUNNING", "the node that was driven has ended"));
    }
  }
}

/** Events of one subscription between the connection and its reader. */
class Subscription {
  #kept: Uint8Array[] = [];
  #isEnded = false;
  #failure: NetControlError | undefined;
  #wake: () => void = () => undefined;

  add(event: Uint8Array): void {
    if (this.#kept.length >= MOST_KEPT) this.#kept.shift();
    this.#kept.push(event);
    this.#wake();
  }

  end(failure: NetControlError | undefined): void {
    this.#isEnded = true;
    this.#failure ??= failure;
    this.#wake();
  }

  /** The next event, or nothing at the end. @throws NetControlError when the end was not asked for */
  async next(): Promise<Uint8Array | undefined> {
    while (this.#kept.length === 0 && !this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const event = this.#kept.shift();
    if (event === undefined && this.#failure !== undefined) throw this.#failure;
    return event;
  }
}

/** Answers that the connection made up itself, since none can come any more. */
const TRANSPORT_CODES: ReadonlySet<number> = new Set([
  ErrorCodes.MessageWriteError,
  ErrorCodes.MessageReadError,
  ErrorCodes.PendingResponseRejected,
  ErrorCodes.ConnectionInactive,
]);

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

function fromResponse(error: unknown): Error {
  const isAnswer = error instanceof ResponseError && !TRANSPORT_CODES.has(error.code);
  if (!isAnswer) {
    return new NetControlError("NOT_RUNNING", "the node that was driven has ended", {
      cause: error,
    });
  }
  const { code } = (error.data ?? {}) as { readonly code?: unknown };
  return new NetControlError(code === "ARGUMENT" ? "ARGUMENT" : "FAILED", error.message, {
    cause: error,
  });
}
