import { randomBytes } from "node:crypto";
import type { JsonValue } from "@gaiaftcl/canonical-json";
import type { Outcome } from "@gaiaftcl/franklin-socket/server";
import {
  cancelSubject,
  commandSubject,
  openReply,
  sealCancellation,
  sealRequest,
} from "@gaiaftcl/substrate-command";
import { RequestError, TimeoutError } from "@nats-io/nats-core";
import type { BrokerLink } from "./broker-link.js";

export interface ForwardedCommand {
  readonly method: string;
  readonly args: { readonly [name: string]: JsonValue };
  readonly requestId: string;
  readonly operatorContext: string;
}

/** Forwards commands to the substrate service as NATS requests (cell format, section 6). */
export class CommandForwarder {
  readonly #broker: BrokerLink;
  readonly #key: Uint8Array;
  readonly #timeoutMs: number;
  readonly #clock: () => Date;

  constructor(options: {
    readonly broker: BrokerLink;
    readonly key: Uint8Array;
    readonly timeoutMs: number;
    readonly clock: () => Date;
  }) {
    this.#broker = options.broker;
    this.#key = options.key;
    this.#timeoutMs = options.timeoutMs;
    this.#clock = options.clock;
  }

  /**
   * Waits for the service's answer. No answer in time, no service, or no broker is `blocked`; a command
   * that its sender no longer waits for is cancelled at the service.
   */
  async forward(command: ForwardedCommand, signal: AbortSignal): Promise<Outcome> {
    const { connection } = this.#broker;
    if (connection === undefined) {
      return blocked("BROKER_UNAVAILABLE", `the broker at ${this.#broker.url} is away`);
    }
    const nonce = randomBytes(16).toString("hex");
    const cancel = (): void => {
      if (connection.isClosed()) return;
      connection.publish(cancelSubject(nonce), sealCancellation(this.#key, nonce));
    };
    signal.addEventListener("abort", cancel, { once: true });
    try {
      const message = await connection.request(
        commandSubject(command.method),
        sealRequest(this.#key, { ...command, nonce, issuedAtMs: this.#clock().getTime() }),
        { timeout: this.#timeoutMs },
      );
      const reply = openReply(this.#key, nonce, message.data);
      if (reply.ok) return reply.outcome as Outcome;
      return blocked(
        "SUBSTRATE_UNTRUSTED",
        `an answer on the bus was not trusted: ${reply.reason}`,
      );
    } catch (error) {
      const outcome = this.#explain(error);
      if (outcome.code === "SUBSTRATE_TIMEOUT") cancel();
      return outcome;
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  #explain(error: unknown): Outcome & { readonly code: string } {
    if (error instanceof TimeoutError) {
      return blocked(
        "SUBSTRATE_TIMEOUT",
        `the substrate service did not answer within ${this.#timeoutMs / 1000} s; the command was cancelled`,
      );
    }
    if (error instanceof RequestError && error.isNoResponders()) {
      return blocked(
        "SUBSTRATE_UNAVAILABLE",
        "no substrate service listens on the broker; see gaiaftcl doctor",
      );
    }
    const reason = error instanceof Error ? error.message : String(error);
    return blocked("BROKER_UNAVAILABLE", `the command did not reach the broker: ${reason}`);
  }
}

function blocked(code: string, reason: string): Outcome & { readonly code: string } {
  return { status: "blocked", code, reason };
}
