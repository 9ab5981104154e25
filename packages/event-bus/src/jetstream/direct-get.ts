import { createInbox, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { EventBusError } from "../event-bus-error.js";

/** A message of a stream as a direct get gives it. */
export interface StreamMessage {
  readonly sequence: number;
  readonly data: Uint8Array;
  /** Its `Nats-Msg-Id`. */
  readonly messageId: string | null;
}

const END_OF_BATCH = 204;
const NOT_FOUND = 404;

export interface DirectBatch {
  readonly messages: readonly StreamMessage[];
  /** Whether the stream had no more; a server before 2.11 gives one at a time and does not tell. */
  readonly isEnd: boolean;
}

/**
 * Messages of a stream from a sequence number on, at most `batch`, in one request: the batched
 * direct get of nats-server 2.11. The caller bounds the time; a lost connection ends it.
 */
export function directGet(
  connection: NatsConnection,
  stream: string,
  sequence: number,
  batch: number,
): Promise<DirectBatch> {
  return new Promise((resolve, reject) => {
    const messages: StreamMessage[] = [];
    const inbox = createInbox();
    const subscription = connection.subscribe(inbox, {
      callback: (error, message) => {
        const outcome = error ?? receive(message, messages);
        if (outcome === "more") return;
        subscription.unsubscribe();
        if (outcome === "single") resolve({ messages, isEnd: false });
        else if (outcome === "end") resolve({ messages, isEnd: messages.length < batch });
        else reject(outcome);
      },
    });
    void subscription.closed.then(() => {
      reject(
        new EventBusError("TRANSIENT", "the connection was closed before the answer was complete"),
      );
    });
    try {
      const request = JSON.stringify({ seq: sequence, batch });
      connection.publish(`$JS.API.DIRECT.GET.${stream}`, request, { reply: inbox });
    } catch (error) {
      subscription.unsubscribe();
      reject(error);
    }
  });
}

/** Takes one answer: a message of the stream, or a status that ends the batch. */
function receive(
  { data, headers }: Msg,
  into: StreamMessage[],
): "more" | "single" | "end" | EventBusError {
  const status = headers?.code ?? 0;
  if (status === END_OF_BATCH || status === NOT_FOUND) return "end";
  if (status !== 0) {
    const description = `${status} ${headers?.description ?? ""}`.trim();
    return new EventBusError("TRANSIENT", `JetStream answered ${description}`);
  }
  const sequence = Number(headers?.get("Nats-Sequence"));
  if (headers === undefined || !Number.isSafeInteger(sequence) || sequence <= 0) {
    return new EventBusError("FATAL", "JetStream answered a message without its sequence");
  }
  const messageId = headers.get("Nats-Msg-Id");
  into.push({ sequence, data, messageId: messageId === "" ? null : messageId });
  return headers.has("Nats-Num-Pending") ? "more" : "single";
}
