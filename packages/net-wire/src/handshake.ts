import type { AgreementKey } from "./engine.js";
import type { EstablishedKeys } from "./established-keys.js";
import { readU64, writeU32, writeU64 } from "./little-endian.js";
import { ensureLength, NetWireError } from "./net-wire-error.js";
import { HandshakeState, NK_PSK0 } from "./noise/handshake-state.js";
import { agreementKey, blake2sSuite, type DhKeyPair, dhKeyPair } from "./noise/suite.js";
import { decodeOffer, encodeOffer, type Offer, sessionFeatures } from "./offer.js";
import {
  decodeHeader,
  emptyHeader,
  HEADER_BYTES,
  packetFlags,
  writeHeader,
} from "./packet-header.js";
import { legacyKeys, sessionIdOfHandshake } from "./session-keys.js";

export type RandomBytes = (length: number) => Uint8Array;

const KEY_BYTES = 32;
const NODE_ID_BYTES = 8;
const PROLOGUE_LABEL: Uint8Array = Uint8Array.from("net-handshake-v1", (letter) =>
  letter.charCodeAt(0),
);

/** The prologue of a mesh handshake (Net transport format, section 5.2); the two-endpoint adapter's is empty. */
export function meshPrologue(initiatorNodeId: bigint, responderNodeId: bigint): Uint8Array {
  const prologue = new Uint8Array(PROLOGUE_LABEL.length + 16);
  prologue.set(PROLOGUE_LABEL);
  writeU32(prologue, PROLOGUE_LABEL.length, Number(initiatorNodeId & 0xffff_ffffn));
  writeU32(prologue, PROLOGUE_LABEL.length + 8, Number(responderNodeId & 0xffff_ffffn));
  return prologue;
}

/** A fresh X25519 key pair. */
export function generateDhKeyPair(randomBytes: RandomBytes): DhKeyPair {
  return dhKeyPair(randomBytes(KEY_BYTES));
}

/** Where the ephemeral key of a handshake comes from. */
export interface EphemeralSource {
  /** What the key is made of unless `ephemeralKey` gives one. */
  readonly randomBytes: RandomBytes;
  /** A key that nothing else has used or will use. */
  readonly ephemeralKey?: (() => AgreementKey) | undefined;
}

export interface InitiatorOptions extends EphemeralSource {
  readonly prologue: Uint8Array;
  /** The responder's static X25519 key, 32 bytes. */
  readonly responderPublicKey: Uint8Array;
  /** 32 bytes. */
  readonly psk: Uint8Array;
  /** The own node id: in a routed handshake only. */
  readonly routedNodeId?: bigint;
  /** What this side can do beyond 0.19.0; without it the session is a 0.19.0 one. */
  readonly offer?: Offer;
  /** Refuse a responder that does not accept the offer. */
  readonly requireStrict?: boolean;
}

/** The initiator's side of one attempt (Net transport format, section 5). */
export class InitiatorHandshake {
  readonly #options: InitiatorOptions;
  readonly #ephemeral: AgreementKey;
  readonly #state: HandshakeState;
  #began = false;

  /** @throws NetWireError `LENGTH` for keys of another length */
  constructor(options: InitiatorOptions) {
    ensureLength("the responder's public key", options.responderPublicKey, KEY_BYTES);
    ensureLength("the pre-shared key", options.psk, KEY_BYTES);
    this.#options = options;
    this.#ephemeral = ephemeralKey(options);
    this.#state = new HandshakeState(NK_PSK0, blake2sSuite, true, options.prologue, {
      ephemeral: this.#ephemeral,
      remoteStatic: options.responderPublicKey,
      presharedKeys: [options.psk],
    });
  }

  /** Message 1, once. @throws NetWireError `STATE` when called again, or for a responder key no secret belongs to */
  message1(): Uint8Array {
    if (this.#began) {
      throw new NetWireError("STATE", "message 1 can be taken once; make a new handshake to retry");
    }
    this.#began = true;
    const { offer, routedNodeId } = this.#options;
    const offered = offer === undefined ? new Uint8Array(0) : encodeOffer(offer);
    const prefix = routedNodeId === undefined ? 0 : NODE_ID_BYTES;
    const payload = new Uint8Array(prefix + offered.length);
    if (routedNodeId !== undefined) {
      writeU64(payload, 0, routedNodeId);
    }
    payload.set(offered, prefix);
    const message = this.#state.write(payload);
    if (message === undefined) {
      throw new NetWireError("STATE", "the responder's public key is not a usable X25519 key");
    }
    return message;
  }

  /**
   * The keys, or undefined when `message2` does not verify, which leaves the attempt as it was for
   * the real one, or when it falls short of what is required, which ends it.
   */
  finish(message2: Uint8Array): EstablishedKeys | undefined {
    const payload =
      this.#began && !this.#state.isFinished
        ? this.#state.read(new Uint8Array(message2))
        : undefined;
    if (payload === undefined) {
      return undefined;
    }
    // An answer means something only to whoever asked, and accepts no more than was offered.
    const { offer } = this.#options;
    const answer = offer === undefined ? undefined : decodeOffer(payload);
    const accepted =
      offer === undefined || answer === undefined
        ? undefined
        : { ...answer, features: (answer.features & offer.features) >>> 0 };
    return established(
      "initiator",
      this.#state,
      this.#ephemeral.publicKey,
      this.#options,
      accepted,
    );
  }
}

export interface ResponderOptions extends EphemeralSource {
  readonly prologue: Uint8Array;
  readonly keyPair: DhKeyPair;
  readonly psk: Uint8Array;
  readonly message1: Uint8Array;
  /** Whether the message came behind a routing header: its payload begins with the initiator's node id then. */
  readonly routed?: boolean;
  /** What this side can do beyond 0.19.0. */
  readonly offer?: Offer;
  /** Refuse an initiator that offers no strict session. */
  readonly requireStrict?: boolean;
}

export interface Response {
  readonly message2: Uint8Array;
  readonly keys: EstablishedKeys;
  /** The full node id a routed initiator claims. */
  readonly initiatorNodeId: bigint | undefined;
}

/** The responder's side: reads message 1 and answers; undefined when it does not verify or falls short of what is required. */
export function respond(options: ResponderOptions): Response | undefined {
  const { offer, routed = false } = options;
  // A copy: the datagram it is part of may be memory that is used again.
  const message1 = new Uint8Array(options.message1);
  ensureLength("the pre-shared key", options.psk, KEY_BYTES);
  let ephemeral: AgreementKey | undefined;
  const state = new HandshakeState(NK_PSK0, blake2sSuite, false, options.prologue, {
    // Made when message 1 has proved authentic: a forged one is not worth a key pair.
    get ephemeral() {
      ephemeral ??= ephemeralKey(options);
      return ephemeral;
    },
    static: agreementKey(options.keyPair),
    presharedKeys: [options.psk],
  });
  const payload = state.read(message1);
  if (payload === undefined || (routed && payload.length < NODE_ID_BYTES)) {
    return undefined;
  }
  const initiatorNodeId = routed ? readU64(payload, 0) : undefined;
  const offered = decodeOffer(routed ? payload.subarray(NODE_ID_BYTES) : payload);
  const accepted =
    offered === undefined || offer === undefined
      ? undefined
      : { ...offer, features: (offer.features & offered.features) >>> 0 };
  const answer =
    accepted !== undefined && isStrict(accepted) ? encodeOffer(accepted) : new Uint8Array(0);
  const message2 = state.write(answer);
  if (message2 === undefined) {
    return undefined;
  }
  const theirs =
    offered === undefined || accepted === undefined
      ? undefined
      : { ...offered, features: accepted.features };
  const keys = established(
    "responder",
    state,
    new Uint8Array(message1.subarray(0, KEY_BYTES)),
    options,
    theirs,
  );
  return keys === undefined ? undefined : { message2, keys, initiatorNodeId };
}

/** The packet that carries a Noise message (Net transport format, section 2.2). */
export function handshakePacket(message: Uint8Array): Uint8Array {
  const packet = new Uint8Array(HEADER_BYTES + message.length);
  writeHeader(packet, {
    ...emptyHeader,
    flags: packetFlags.handshake,
    payloadLength: message.length,
  });
  packet.set(message, HEADER_BYTES);
  return packet;
}

/** The Noise message of a handshake packet, or undefined when it is none. */
export function handshakeMessage(packet: Uint8Array): Uint8Array | undefined {
  const header = decodeHeader(packet);
  if (header === undefined || (header.flags & packetFlags.handshake) === 0) {
    return undefined;
  }
  return packet.subarray(HEADER_BYTES);
}

function ephemeralKey(source: EphemeralSource): AgreementKey {
  return source.ephemeralKey?.() ?? agreementKey(generateDhKeyPair(source.randomBytes));
}

function isStrict(offer: Offer): boolean {
  return (offer.features & sessionFeatures.strictKeys) !== 0;
}

function established(
  role: "initiator" | "responder",
  state: HandshakeState,
  initiatorEphemeral: Uint8Array,
  options: { readonly requireStrict?: boolean },
  peer: Offer | undefined,
): EstablishedKeys | undefined {
  const agreed = peer !== undefined && isStrict(peer) ? peer : undefined;
  if (agreed === undefined && options.requireStrict === true) {
    return undefined;
  }
  const { handshakeHash } = state;
  const [first, second] = agreed === undefined ? directions(handshakeHash) : state.split();
  const [sendKey, receiveKey] = role === "initiator" ? [first, second] : [second, first];
  return {
    role,
    sessionId: sessionIdOfHandshake(handshakeHash),
    sendKey,
    receiveKey,
    strict: agreed !== undefined,
    features: agreed?.features ?? 0,
    peerReceiveWindow: agreed?.receiveWindow ?? 0,
    peerExtensions: agreed?.extensions ?? new Map(),
    initiatorEphemeral,
    handshakeHash,
  };
}

function directions(handshakeHash: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const { initiatorToResponder, responderToInitiator } = legacyKeys(handshakeHash);
  return [initiatorToResponder, responderToInitiator];
}
