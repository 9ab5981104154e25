import { decode, encode } from "@gaiaftcl/canonical-json";
import { commandRow } from "@gaiaftcl/sealed-row";
import { encodeBase64 } from "@gaiaftcl/witness/ed25519";
import { expect } from "vitest";
import { MemorySealer, type Message } from "./cell.testing.js";
import { type ClientEvent, ClientSession, type ClientSessionOptions } from "./client-session.js";
import { encodeFrames, FRAME_BYTES, FrameDecoder } from "./frame.js";
import { challengeText, type ResponseSeal, responseText } from "./message.js";
import type { Outcome } from "./outcome.js";

export const challenge: Uint8Array = new Uint8Array(32).fill(7);

/** A session and the server it talks to, whose every word the test decides. */
export class ClientDesk {
  readonly session: ClientSession;
  readonly sealer: MemorySealer;
  readonly #server = new FrameDecoder(FRAME_BYTES);

  constructor(
    options: Partial<ClientSessionOptions> = {},
    sealer: MemorySealer = new MemorySealer(),
  ) {
    this.session = new ClientSession({ operatorContext: "alice", ...options });
    this.sealer = sealer;
  }

  static open(
    options: Partial<ClientSessionOptions> = {},
    sealer: MemorySealer = new MemorySealer(),
  ): ClientDesk {
    const desk = new ClientDesk(options, sealer);
    desk.say(challengeText(encodeBase64(challenge)));
    desk.session.answer(new Uint8Array(64));
    desk.say('{"accepted":true}');
    desk.heard();
    return desk;
  }

  say(...texts: readonly string[]): ClientEvent[] {
    this.session.receive(encodeFrames(texts));
    const events: ClientEvent[] = [];
    for (let event = this.session.next(); event; event = this.session.next()) events.push(event);
    return events;
  }

  heard(): Message[] {
    this.#server.push(this.session.takeOutput() ?? new Uint8Array());
    const messages: Message[] = [];
    for (let frame = this.#server.next(); frame; frame = this.#server.next()) {
      messages.push(decode(frame) as Message);
    }
    return messages;
  }

  /** What an honest server answers, unless something is changed. */
  response(requestId: string, changes: Partial<Answer> = {}): string {
    const answer: Answer = {
      requestId,
      sealedRequestId: requestId,
      method: "m",
      args: {},
      operatorContext: "alice",
      outcome: { status: "ok" },
      ...changes,
    };
    const columns = commandRow({
      commandId: "c1",
      requestId: answer.sealedRequestId,
      operatorContext: answer.operatorContext,
      method: answer.method,
      args: answer.args,
      outcome: answer.outcome,
    });
    const seal = this.sealer.seal(columns);
    const sent = encode(answer.sentOutcome ?? answer.outcome);
    return responseText(requestId, sent, answer.change?.(seal) ?? seal);
  }
}

export interface Answer {
  readonly requestId: string;
  readonly sealedRequestId: string;
  readonly method: string;
  readonly args: unknown;
  readonly operatorContext: string;
  readonly outcome: Outcome;
  readonly sentOutcome?: Outcome;
  readonly change?: (seal: ResponseSeal) => ResponseSeal;
}

export const closedWith = (code: string): unknown => [
  { type: "closed", error: expect.objectContaining({ code }) },
];
