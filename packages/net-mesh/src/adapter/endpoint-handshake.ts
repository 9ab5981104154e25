import {
  ALL_FEATURES,
  type EstablishedKeys,
  handshakeMessage,
  handshakePacket,
  InitiatorHandshake,
  type Offer,
  type RandomBytes,
  type Response,
  respond,
} from "@gaiaftcl/net-wire";
import { RecentSet } from "../limits/recent-set.js";
import { SourceRateLimit } from "../limits/source-rate-limit.js";
import type { EndpointSettings } from "./endpoint-options.js";

/** One attempt, and the pause behind the first; each further pause is longer by as much (Net transport format, section 5.7). */
export const HANDSHAKE_TIMEOUT_MS = 5_000;
export const HANDSHAKE_PAUSE_MS = 100;
export const HANDSHAKE_ATTEMPTS = 3;

/** Bytes per stream an endpoint takes before it has stored them. */
const RECEIVE_WINDOW = 1_048_576;
const EMPTY_PROLOGUE = new Uint8Array(0);
const OFFER: Offer = { features: ALL_FEATURES, receiveWindow: RECEIVE_WINDOW };
/** Attempts to call in per source and second (section 5.7). */
const CALLS_PER_SECOND = 5;
const MOST_SOURCES = 1_024;
/** The same for all sources: source addresses are easily made up, and each call costs a key agreement. */
const ALL_CALLS_PER_SECOND = 1_000;
const ALL_SOURCES = "all";
/** Calls that were answered are known again; only holders of the pre-shared key make new ones. */
const KNOWN_CALLS = 8_192;
const EPHEMERAL_BYTES = 32;

/** The calling side of one attempt. */
export function callPeer(settings: EndpointSettings, randomBytes: RandomBytes): InitiatorHandshake {
  return new InitiatorHandshake({
    prologue: EMPTY_PROLOGUE,
    responderPublicKey: settings.peerPublicKey,
    psk: settings.psk,
    offer: OFFER,
    requireStrict: settings.requireStrict,
    randomBytes,
  });
}

/** The packet of message 1. */
export function callPacket(attempt: InitiatorHandshake): Uint8Array {
  return handshakePacket(attempt.message1());
}

/** The keys of a finished call, or undefined when `packet` is not the answer to it. */
export function answeredKeys(
  attempt: InitiatorHandshake,
  packet: Uint8Array,
): EstablishedKeys | undefined {
  const message = handshakeMessage(packet);
  return message === undefined ? undefined : attempt.finish(message);
}

/** The answering side: bounds how often each source may try, and knows the calls it has answered. */
export class CallDesk {
  readonly #settings: EndpointSettings;
  readonly #randomBytes: RandomBytes;
  readonly #perSource = new SourceRateLimit({
    perSecond: CALLS_PER_SECOND,
    burst: CALLS_PER_SECOND,
    capacity: MOST_SOURCES,
  });
  readonly #overall = new SourceRateLimit({
    perSecond: ALL_CALLS_PER_SECOND,
    burst: ALL_CALLS_PER_SECOND,
    capacity: 1,
  });
  /** The ephemeral keys of answered calls: none is answered twice, however long ago it was. */
  readonly #answered = new RecentSet<string>({
    memoryMs: Number.POSITIVE_INFINITY,
    capacity: KNOWN_CALLS,
  });

  constructor(settings: EndpointSettings, randomBytes: RandomBytes) {
    this.#settings = settings;
    this.#randomBytes = randomBytes;
  }

  /** The answer to a call, or undefined when it does not verify, is a repetition, or comes too often. */
  answer(packet: Uint8Array, from: string, now: number): Response | undefined {
    const { keyPair } = this.#settings;
    const message1 = handshakeMessage(packet);
    if (keyPair === undefined || message1 === undefined) {
      return undefined;
    }
    const call = Buffer.from(message1.subarray(0, EPHEMERAL_BYTES)).toString("latin1");
    if (this.#answered.has(call) || !this.#admits(from, now)) {
      return undefined;
    }
    const response = respond({
      prologue: EMPTY_PROLOGUE,
      keyPair,
      psk: this.#settings.psk,
      message1,
      routed: false,
      offer: OFFER,
      requireStrict: this.#settings.requireStrict,
      randomBytes: this.#randomBytes,
    });
    if (response !== undefined) {
      this.#answered.add(call, now);
    }
    return response;
  }

  #admits(from: string, now: number): boolean {
    return this.#perSource.admit(from, now) && this.#overall.admit(ALL_SOURCES, now);
  }
}
