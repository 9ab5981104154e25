import type { Socket } from "node:net";
import type { ReceivedEvent } from "@gaiaftcl/net-mesh";
import * as v from "valibot";
import {
  type CancellationToken,
  createMessageConnection,
  ErrorCodes,
  type MessageConnection,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import {
  CHANNEL_EVENT,
  type MethodName,
  type Methods,
  paramSchemas,
  SUBSCRIPTION_ENDED,
  type SubscribeParams,
  type SubscriptionParams,
} from "./control-protocol.js";
import { NetControlError } from "./net-control-error.js";
import type { NodeService } from "./node-service.js";

/** One process that drives the node, and the subscriptions it made; they end with it. */
export class ControlConnection {
  readonly #socket: Socket;
  readonly #connection: MessageConnection;
  readonly #service: NodeService;
  readonly #end = new AbortController();
  readonly #subscriptions = new Map<number, AbortController>();
  #nextSubscription = 1;

  constructor(socket: Socket, service: NodeService, ended: () => void) {
    this.#socket = socket;
    this.#service = service;
    this.#connection = createMessageConnection(
      new StreamMessageReader(socket),
      new StreamMessageWriter(socket),
    );
    this.#connection.onClose(() => {
      this.#end.abort();
      ended();
    });
    // A client that disappears is an end like any other.
    socket.on("error", () => undefined);
    this.#connection.onError(() => {
      this.close();
    });
    this.#answer("status", () => service.status());
    this.#answer("nodes", () => service.nodes());
    this.#answer("join", ({ ticket }, signal) => service.join(ticket, signal));
    this.#answer("leave", ({ nodeId }) => service.leave(nodeId));
    this.#answer("ping", ({ nodeId }, signal) => service.ping(nodeId, signal));
    this.#answer("publish", ({ channel, payload, reliable }) =>
      service.publish(channel, fromBase64(payload), reliable),
    );
    this.#answer("announce", ({ capabilities }) => {
      service.announce(capabilities);
      return {};
    });
    this.#answer("find", ({ filter, scope }) => service.find(filter, scope));
    this.#answer("nat", (_, signal) => service.nat(signal));
    this.#answer("subscribe", (params, signal) => this.#subscribe(params, signal));
    this.#answer("unsubscribe", ({ subscription }) => {
      this.#subscriptions.get(subscription)?.abort();
      return {};
    });
    this.#connection.listen();
  }

  close(): void {
    this.#end.abort();
    this.#connection.dispose();
    this.#socket.destroy();
  }

  #answer<Name extends MethodName>(
    method: Name,
    run: (
      params: Methods[Name]["params"],
      signal: AbortSignal,
    ) => Methods[Name]["result"] | Promise<Methods[Name]["result"]>,
  ): void {
    const schema: v.GenericSchema<unknown, Methods[Name]["params"]> = paramSchemas[method];
    this.#connection.onRequest(
      method,
      async (params: unknown, token: CancellationToken): Promise<unknown> => {
        const checked = v.safeParse(schema, params ?? {});
        if (!checked.success) {
          const [issue] = checked.issues;
          throw new ResponseError(
            ErrorCodes.InvalidParams,
            `${method}: ${issue.message} at ${v.getDotPath(issue) ?? "the parameters"}`,
          );
        }
        const cancelled = new AbortController();
        token.onCancellationRequested(() => {
          cancelled.abort();
        });
        try {
          return await run(checked.output, AbortSignal.any([cancelled.signal, this.#end.signal]));
        } catch (error) {
          throw failure(error);
        }
      },
    );
  }

  async #subscribe(params: SubscribeParams, signal: AbortSignal): Promise<SubscriptionParams> {
    const { publisher, channel, token } = params;
    const stop = new AbortController();
    const until = AbortSignal.any([stop.signal, this.#end.signal]);
    const cancel = (): void => {
      stop.abort();
    };
    signal.addEventListener("abort", cancel);
    const events = await this.#service
      .subscribe(publisher, channel, token === undefined ? undefined : fromBase64(token), until)
      .finally(() => {
        signal.removeEventListener("abort", cancel);
      });
    const subscription = this.#nextSubscription;
    this.#nextSubscription += 1;
    this.#subscriptions.set(subscription, stop);
    // The answer leaves before the first event: the client knows its subscription by then.
    setImmediate(() => void this.#forward(subscription, events, until));
    return { subscription };
  }

  async #forward(
    subscription: number,
    events: AsyncIterable<ReceivedEvent>,
    until: AbortSignal,
  ): Promise<void> {
    let reason = "the subscription ended: the publisher is gone";
    try {
      for await (const { payload } of events) {
        await this.#connection.sendNotification(CHANNEL_EVENT, {
          subscription,
          payload: Buffer.from(payload).toString("base64"),
        });
      }
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    this.#subscriptions.delete(subscription);
    if (!until.aborted)
      await this.#connection
        .sendNotification(SUBSCRIPTION_ENDED, { subscription, reason })
        .catch(() => undefined);
  }
}

function failure(error: unknown): ResponseError<{ readonly code: string }> {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof NetControlError ? error.code : "FAILED";
  return new ResponseError(ErrorCodes.InternalError, message, { code });
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}
