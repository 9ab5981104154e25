import type { JsonValue } from "@gaiaftcl/canonical-json";
import { type FederationKeys, WitnessError } from "@gaiaftcl/witness";
import { decodeBase64, encodeBase64, encodeHex } from "@gaiaftcl/witness/ed25519";
import { encodeFrames, FRAME_BYTES, FrameDecoder, HANDSHAKE_FRAME_BYTES } from "./frame.js";
import { FranklinError, quote } from "./franklin-error.js";
import {
  asChallenge,
  asResponse,
  asVerdict,
  decodeMessage,
  handshakeText,
  type ResponseMessage,
  reasonCode,
} from "./message.js";
import { type OutgoingRequest, writeRequest } from "./outgoing-request.js";
import { ResponseVerifier, type VerifiedResponse } from "./response-verifier.js";

const CHALLENGE_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** Requests a client has under way; what is asked beyond it waits on this side. */
export const CLIENT_IN_FLIGHT = 128;

/** What a session tells the one who drives it. */
export type ClientEvent =
  /** Sign these 32 bytes and call `answer`, once. */
  | { readonly type: "challenge"; readonly challenge: Uint8Array }
  | { readonly type: "accepted" }
  | { readonly type: "response"; readonly response: VerifiedResponse }
  /** One request failed and the connection goes on: its response could not be sealed. */
  | { readonly type: "failed"; readonly requestId: string; readonly error: FranklinError }
  /** The last event: hang up. */
  | { readonly type: "closed"; readonly error: FranklinError };

export interface ClientSessionOptions {
  readonly operatorContext: string;
  /** True for a hash that is the witness hash of something: a challenge that equals it is not signed. */
  readonly isKnownHash?: ((hash: string) => boolean) | undefined;
  /** With keys, every response must carry the signatures of all five contexts. */
  readonly keys?: FederationKeys | undefined;
}

interface Sent {
  readonly request: OutgoingRequest;
  /** The newest seal time seen when the request was sent. */
  readonly notBefore: string;
}

type State = "challenge" | "signing" | "verdict" | "open" | "closed";

/**
 * The client's side of one connection (cell format, section 6) without any input or output: bytes
 * go in, events and bytes come out. It answers at most one challenge, and hands out no response
 * whose seal it has not verified against the request as it was sent.
 */
export class ClientSession {
  readonly #options: ClientSessionOptions;
  readonly #decoder: FrameDecoder = new FrameDecoder(HANDSHAKE_FRAME_BYTES);
  readonly #verifier: ResponseVerifier;
  readonly #waiting = new Map<string, OutgoingRequest>();
  readonly #inFlight = new Map<string, Sent>();
  #state: State = "challenge";
  #error: FranklinError | undefined;
  #isErrorReported = false;
  #output: string[] = [];

  constructor(options: ClientSessionOptions) {
    this.#options = options;
    this.#verifier = new ResponseVerifier(options.operatorContext, options.keys);
  }

  /** Requests without a response, those that wait for their turn included. */
  get outstanding(): number {
    return this.#waiting.size + this.#inFlight.size;
  }

  receive(chunk: Uint8Array): void {
    if (this.#state !== "closed") this.#decoder.push(chunk);
  }

  /** The next event, or `undefined` until more bytes come. */
  next(): ClientEvent | undefined {
    if (this.#state !== "closed") {
      try {
        const payload = this.#decoder.next();
        if (payload !== undefined) return this.#advance(decodeMessage(payload));
      } catch (error) {
        if (!(error instanceof FranklinError)) throw error;
        this.close(error);
      }
    }
    if (this.#error === undefined || this.#isErrorReported) return undefined;
    this.#isErrorReported = true;
    return { type: "closed", error: this.#error };
  }

  /**
   * Answers the challenge.
   *
   * @throws FranklinError `PROTOCOL_VIOLATION` unless a challenge waits for its one answer,
   *   `SIGNATURE_INVALID` unless the signature is 64 bytes
   */
  answer(signature: Uint8Array): void {
    if (this.#state !== "signing") {
      throw new FranklinError("PROTOCOL_VIOLATION", "no challenge waits for a signature");
    }
    if (signature.length !== SIGNATURE_BYTES) {
      throw new FranklinError(
        "SIGNATURE_INVALID",
        `expected the signer to give ${SIGNATURE_BYTES} bytes, found ${signature.length}`,
      );
    }
    this.#state = "verdict";
    this.#output.push(handshakeText(this.#options.operatorContext, encodeBase64(signature)));
  }

  /**
   * Asks something. The arguments are taken as they are now; later changes to them have no effect.
   *
   * @param requestId must not be used twice on one connection
   * @throws FranklinError `ARGS_INVALID`, `REQUEST_TOO_LARGE`, `CLOSED`
   */
  request(requestId: string, method: string, args: unknown): void {
    if (this.#state !== "open") {
      throw this.#error ?? new FranklinError("CLOSED", "the connection is not open");
    }
    this.#waiting.set(requestId, writeRequest(requestId, method, args));
    this.#send();
  }

  /** Forgets a request that still waits for its turn; true if it was never sent. */
  withdraw(requestId: string): boolean {
    return this.#waiting.delete(requestId);
  }

  /** Ends the session. */
  close(error: FranklinError): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#error = error;
    this.#waiting.clear();
    this.#inFlight.clear();
  }

  /** The bytes to send, or `undefined` where there are none. */
  takeOutput(): Uint8Array | undefined {
    if (this.#output.length === 0) return undefined;
    const texts = this.#output;
    this.#output = [];
    return encodeFrames(texts);
  }

  #send(): void {
    for (const [requestId, request] of this.#waiting) {
      if (this.#inFlight.size >= CLIENT_IN_FLIGHT) return;
      this.#waiting.delete(requestId);
      this.#inFlight.set(requestId, { request, notBefore: this.#verifier.newest });
      this.#output.push(request.text);
    }
  }

  #advance(message: JsonValue): ClientEvent {
    const verdict = asVerdict(message);
    if (verdict?.accepted === false) throw this.#refusal(verdict.reason);
    if (this.#state === "challenge") return this.#challenged(message);
    if (this.#state === "verdict" && verdict?.accepted === true) {
      this.#state = "open";
      this.#decoder.allow(FRAME_BYTES);
      return { type: "accepted" };
    }
    const response = this.#state === "open" ? asResponse(message) : undefined;
    if (response !== undefined) return this.#answered(response);
    throw new FranklinError("PROTOCOL_VIOLATION", `expected ${EXPECTED[this.#state]}`);
  }

  #refusal(reason: string): FranklinError {
    // Only before anything is signed: a caller that tries again must not be made to sign again.
    if (this.#state === "challenge" && reasonCode(reason) === "BUSY") {
      return new FranklinError("BUSY", `the server is busy: ${quote(reason, 400)}`);
    }
    return this.#state === "open"
      ? new FranklinError("WITHDRAWN", `the server closed: ${quote(reason, 400)}`)
      : new FranklinError("HANDSHAKE_REFUSED", `the server refused: ${quote(reason, 400)}`);
  }

  #challenged(message: JsonValue): ClientEvent {
    const challenge = readChallenge(message);
    if (this.#options.isKnownHash?.(encodeHex(challenge)) === true) {
      throw new FranklinError(
        "CHALLENGE_REFUSED",
        "the challenge is the witness hash of a sealed thing: signing it could forge a seal, " +
          "so this is no honest server",
      );
    }
    this.#state = "signing";
    return { type: "challenge", challenge };
  }

  #answered(response: ResponseMessage): ClientEvent {
    const requestId = response.request_id;
    const sent = this.#inFlight.get(requestId);
    if (sent === undefined) {
      throw new FranklinError(
        "RESPONSE_UNKNOWN",
        `a response came for ${quote(requestId)}, which was never asked or is answered already`,
      );
    }
    const event = this.#verified(sent, response);
    this.#inFlight.delete(requestId);
    this.#send();
    return event;
  }

  #verified({ request, notBefore }: Sent, response: ResponseMessage): ClientEvent {
    try {
      const verified = this.#verifier.verify(request, notBefore, response);
      return { type: "response", response: verified };
    } catch (error) {
      if (!(error instanceof FranklinError) || error.code !== "SEAL_FAILED") throw error;
      return { type: "failed", requestId: request.requestId, error };
    }
  }
}

const EXPECTED: Readonly<Record<State, string>> = {
  challenge: "a challenge",
  signing: "nothing before the challenge is answered",
  verdict: "the verdict on the handshake",
  open: "a response",
  closed: "nothing after the end",
};

function readChallenge(message: JsonValue): Uint8Array {
  const challenge = asChallenge(message);
  if (challenge === undefined) {
    throw new FranklinError("PROTOCOL_VIOLATION", `expected ${EXPECTED.challenge}`);
  }
  try {
    const bytes = decodeBase64(challenge.challenge);
    if (bytes.length === CHALLENGE_BYTES) return bytes;
  } catch (cause) {
    if (!(cause instanceof WitnessError)) throw cause;
  }
  throw new FranklinError(
    "CHALLENGE_REFUSED",
    `expected a challenge as strict base64 of ${CHALLENGE_BYTES} bytes, found ${quote(challenge.challenge)}`,
  );
}
