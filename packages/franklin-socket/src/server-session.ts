import type { JsonValue } from "@gaiaftcl/canonical-json";
import { encodeBase64 } from "@gaiaftcl/witness/ed25519";
import { type CommandRequest, readRequest } from "./command-request.js";
import { encodeFrames, FRAME_BYTES, FrameDecoder, HANDSHAKE_FRAME_BYTES } from "./frame.js";
import { FrameClock } from "./frame-clock.js";
import { FranklinError, quote } from "./franklin-error.js";
import type { FranklinLimits } from "./limits.js";
import { ACCEPTED_TEXT, challengeText, decodeMessage, refusalText } from "./message.js";
import type { Operator, Operators } from "./operators.js";
import { type DeclinedOutcome, refused } from "./outcome.js";
import { authenticate } from "./server-handshake.js";

const CHALLENGE_BYTES = 32;
/** Characters of responses that wait to be sent; beyond it nothing more is taken on. */
const OUTPUT_LIMIT = 1024 * 1024;

/** What a session tells the one who drives it. */
export type ServerEvent =
  | { readonly type: "accepted"; readonly operator: Operator }
  /** Answer it with `respond(ticket, …)`, whatever comes of it. */
  | { readonly type: "request"; readonly ticket: number; readonly request: CommandRequest }
  /** The last event: send the output that is left, then hang up. */
  | { readonly type: "closed"; readonly error: FranklinError };

/** What a session needs to know. Times are milliseconds of one monotonic clock. */
export interface ServerSessionOptions {
  /** 32 random bytes that were never used before. */
  readonly challenge: Uint8Array;
  /** The operators as they are at the moment of the call. */
  readonly operators: () => Operators;
  readonly limits: FranklinLimits;
  readonly now: number;
}

interface InFlight {
  /** Absent where another request has the id already. */
  readonly requestId: string | undefined;
  readonly bytes: number;
}

/**
 * The server's side of one connection (cell format, section 6) without any input or output: bytes
 * and times go in, events, bytes and the next deadline come out.
 *
 * Call `receive` with what arrives, then `next` until it returns nothing; send `takeOutput()`; call
 * `elapse` when the time is `deadline`; stop reading while `wantsInput` is false.
 */
export class ServerSession {
  readonly #options: ServerSessionOptions;
  readonly #decoder: FrameDecoder = new FrameDecoder(HANDSHAKE_FRAME_BYTES);
  readonly #frames: FrameClock;
  readonly #inFlight = new Map<number, InFlight>();
  readonly #requestIds = new Set<string>();
  #operator: Operator | undefined;
  #error: FranklinError | undefined;
  #isErrorReported = false;
  #isHeld = false;
  #output: string[] = [];
  #outputLength = 0;
  #inFlightBytes = 0;
  #lastTicket = 0;
  #lastActivity: number;

  constructor(options: ServerSessionOptions) {
    if (options.challenge.length !== CHALLENGE_BYTES) {
      throw new FranklinError(
        "OPTION_INVALID",
        `expected a challenge of ${CHALLENGE_BYTES} bytes, found ${options.challenge.length}`,
      );
    }
    this.#options = options;
    this.#frames = new FrameClock(options.limits);
    this.#lastActivity = options.now;
    this.#output.push(challengeText(encodeBase64(options.challenge)));
  }

  /** The operator that was accepted. */
  get operator(): Operator | undefined {
    return this.#operator;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Bytes received and not yet made a request of. */
  get heldBytes(): number {
    return this.#decoder.heldBytes;
  }

  /** False while enough requests are in flight or responses unsent, while held, and after the end. */
  get wantsInput(): boolean {
    const { inFlight, inFlightBytes } = this.#options.limits;
    return (
      this.#error === undefined &&
      !this.#isHeld &&
      this.#outputLength < OUTPUT_LIMIT &&
      this.#inFlight.size < inFlight &&
      this.#inFlightBytes < inFlightBytes
    );
  }

  /** When `elapse` has something to do, or `undefined`. */
  get deadline(): number | undefined {
    if (this.#error !== undefined) return undefined;
    const { handshakeMs, idleMs } = this.#options.limits;
    if (this.#operator === undefined) return this.#lastActivity + handshakeMs;
    if (!this.wantsInput) return undefined;
    const frameDeadline = this.#frames.deadline;
    if (frameDeadline !== undefined) return frameDeadline;
    return this.#inFlight.size > 0 ? undefined : this.#lastActivity + idleMs;
  }

  receive(chunk: Uint8Array): void {
    if (this.#error === undefined) this.#decoder.push(chunk);
  }

  /** The next event, or `undefined` until more bytes, responses or time have come. */
  next(now: number): ServerEvent | undefined {
    if (this.#error === undefined) {
      try {
        const event = this.#advance(now);
        if (event !== undefined) return event;
      } catch (error) {
        if (!(error instanceof FranklinError)) throw error;
        this.close(error);
      }
    }
    if (this.#error === undefined || this.#isErrorReported) return undefined;
    this.#isErrorReported = true;
    return { type: "closed", error: this.#error };
  }

  /** Answers a request and frees its place. After the end of the session it only frees it. */
  respond(ticket: number, text: string, now: number): void {
    const entry = this.#inFlight.get(ticket);
    if (entry === undefined) return;
    const waited = !this.wantsInput;
    this.#inFlight.delete(ticket);
    this.#inFlightBytes -= entry.bytes;
    if (entry.requestId !== undefined) this.#requestIds.delete(entry.requestId);
    this.#lastActivity = now;
    if (waited && this.wantsInput) this.#frames.resumed(now);
    if (this.#error === undefined) {
      this.#output.push(text);
      this.#outputLength += text.length;
    }
  }

  /** Takes no more input until `release`, whose wait does not count against the peer. */
  hold(): void {
    this.#isHeld = true;
  }

  release(now: number): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#frames.resumed(now);
  }

  /** Ends the session if its time is up. */
  elapse(now: number): void {
    const { deadline } = this;
    if (deadline === undefined || now < deadline) return;
    this.close(this.#lateness());
  }

  /** Ends the session if its operator is gone from the operators, or has another key now. */
  recheckOperator(): void {
    if (this.#operator === undefined) return;
    const { context, publicKey } = this.#operator;
    const current = this.#options.operators().get(context);
    if (current?.publicKey.hex === publicKey.hex) return;
    this.close(
      new FranklinError("OPERATOR_UNKNOWN", `operator ${quote(context)} is no longer configured`),
    );
  }

  /** Ends the session: the peer is told why, nothing more is read. */
  close(error: FranklinError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#output.push(refusalText(error));
  }

  get hasOutput(): boolean {
    return this.#output.length > 0;
  }

  /** The bytes to send, or `undefined` where there are none. */
  takeOutput(): Uint8Array | undefined {
    if (this.#output.length === 0) return undefined;
    const texts = this.#output;
    this.#output = [];
    this.#outputLength = 0;
    return encodeFrames(texts);
  }

  #advance(now: number): ServerEvent | undefined {
    if (!this.wantsInput) return undefined;
    const payload = this.#decoder.next();
    if (payload === undefined) {
      this.#frames.observe(this.#decoder.openBytes, now);
      return undefined;
    }
    this.#frames.completed();
    const message = decodeMessage(payload);
    if (this.#operator === undefined) return this.#accept(message, now);
    this.#lastActivity = now;
    return this.#admit(readRequest(message), payload.length, this.#operator);
  }

  #accept(message: JsonValue, now: number): ServerEvent {
    const { challenge, operators } = this.#options;
    const operator = authenticate(message, challenge, operators());
    this.#operator = operator;
    this.#lastActivity = now;
    this.#decoder.allow(FRAME_BYTES);
    this.#output.push(ACCEPTED_TEXT);
    return { type: "accepted", operator };
  }

  #admit(request: CommandRequest, bytes: number, operator: Operator): ServerEvent {
    this.#lastTicket += 1;
    const ticket = this.#lastTicket;
    const isRepeated = this.#requestIds.has(request.requestId);
    this.#inFlight.set(ticket, {
      requestId: isRepeated ? undefined : request.requestId,
      bytes,
    });
    this.#inFlightBytes += bytes;
    this.#requestIds.add(request.requestId);
    const refusal = isRepeated
      ? refused(
          "DUPLICATE_REQUEST_ID",
          `a request ${quote(request.requestId)} is still in flight on this connection`,
        )
      : (request.refusal ?? this.#verbRefusal(request.method, operator));
    return {
      type: "request",
      ticket,
      request: refusal === undefined ? request : { ...request, refusal },
    };
  }

  #verbRefusal(method: string, operator: Operator): DeclinedOutcome | undefined {
    const { verbs } = this.#options.operators().get(operator.context) ?? operator;
    if (verbs === undefined || verbs.has(method)) return undefined;
    return refused(
      "VERB_NOT_ALLOWED",
      `operator ${quote(operator.context)} may not use ${quote(method)}`,
    );
  }

  #lateness(): FranklinError {
    const { handshakeMs, minBytesPerSecond, idleMs } = this.#options.limits;
    if (this.#operator === undefined) {
      return new FranklinError(
        "HANDSHAKE_TIMEOUT",
        `expected the handshake within ${handshakeMs / 1000} s`,
      );
    }
    if (this.#frames.deadline !== undefined) {
      return new FranklinError(
        "FRAME_SLOW",
        `expected at least ${minBytesPerSecond} bytes a second of a frame that is begun`,
      );
    }
    return new FranklinError("IDLE", `nothing was asked for ${idleMs / 1000} s; connect again`);
  }
}
