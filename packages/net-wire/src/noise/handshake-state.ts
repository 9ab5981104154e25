import type { AgreementKey } from "../engine.js";
import type { NoiseSuite } from "./suite.js";
import { SymmetricState } from "./symmetric-state.js";

export type NoiseToken = "e" | "s" | "ee" | "es" | "se" | "ss" | "psk";

/** A handshake pattern: what is known before, and the tokens of each message, the initiator's first. */
export interface NoisePattern {
  readonly name: string;
  readonly initiatorKnown: boolean;
  readonly responderKnown: boolean;
  readonly messages: readonly (readonly NoiseToken[])[];
}

/** The pattern of Net (Net transport format, section 5.1). */
export const NK_PSK0: NoisePattern = {
  name: "NKpsk0",
  initiatorKnown: false,
  responderKnown: true,
  messages: [
    ["psk", "e", "es"],
    ["e", "ee"],
  ],
};

export interface HandshakeKeys {
  readonly ephemeral?: AgreementKey;
  readonly static?: AgreementKey;
  readonly remoteStatic?: Uint8Array;
  readonly presharedKeys?: readonly Uint8Array[];
}

const DH_BYTES = 32;
const TAG_BYTES = 16;

/** HandshakeState of Noise (revision 34, section 5.3, with the psk rules of section 9) for 25519 and ChaChaPoly. */
export class HandshakeState {
  #symmetric: SymmetricState;
  readonly #isInitiator: boolean;
  #messages: (readonly NoiseToken[])[];
  readonly #usesPsk: boolean;
  readonly #keys: HandshakeKeys;
  #psks: Uint8Array[];
  #remoteEphemeral: Uint8Array | undefined;
  #remoteStatic: Uint8Array | undefined;

  constructor(
    pattern: NoisePattern,
    suite: NoiseSuite,
    isInitiator: boolean,
    prologue: Uint8Array,
    keys: HandshakeKeys,
  ) {
    this.#isInitiator = isInitiator;
    this.#messages = [...pattern.messages];
    this.#usesPsk = pattern.messages.some((tokens) => tokens.includes("psk"));
    this.#keys = keys;
    this.#psks = [...(keys.presharedKeys ?? [])];
    this.#remoteStatic = keys.remoteStatic;
    this.#symmetric = SymmetricState.begin(
      `Noise_${pattern.name}_25519_ChaChaPoly_${suite.hashName}`,
      suite,
    );
    this.#symmetric.mixHash(prologue);
    const [initiatorStatic, responderStatic] = isInitiator
      ? [keys.static?.publicKey, keys.remoteStatic]
      : [keys.remoteStatic, keys.static?.publicKey];
    if (pattern.initiatorKnown) {
      this.#symmetric.mixHash(need(initiatorStatic));
    }
    if (pattern.responderKnown) {
      this.#symmetric.mixHash(need(responderStatic));
    }
  }

  get isFinished(): boolean {
    return this.#messages.length === 0;
  }

  get handshakeHash(): Uint8Array {
    return this.#symmetric.handshakeHash;
  }

  /** The keys of the two directions, the initiator's first; only when finished. */
  split(): readonly [Uint8Array, Uint8Array] {
    return this.#symmetric.split();
  }

  /** The next message, or undefined when a key of the other side is unusable (a point of small order). */
  write(payload: Uint8Array): Uint8Array | undefined {
    const parts: Uint8Array[] = [];
    for (const token of this.#messages.shift() ?? []) {
      if (token === "e") {
        parts.push(this.#mixEphemeral(need(this.#keys.ephemeral?.publicKey)));
      } else if (token === "s") {
        parts.push(this.#symmetric.encryptAndHash(need(this.#keys.static?.publicKey)));
      } else if (!this.#mix(token)) {
        return undefined;
      }
    }
    parts.push(this.#symmetric.encryptAndHash(payload));
    return concat(parts);
  }

  /**
   * Reads the next message and gives its payload, or undefined when it does not authenticate: the
   * state is what it was before then, so that a forged message takes nothing from the real one.
   */
  read(message: Uint8Array): Uint8Array | undefined {
    const before = {
      symmetric: this.#symmetric.copy(),
      messages: [...this.#messages],
      psks: [...this.#psks],
      remoteEphemeral: this.#remoteEphemeral,
      remoteStatic: this.#remoteStatic,
    };
    const payload = this.#readNext(message);
    if (payload === undefined) {
      this.#symmetric = before.symmetric;
      this.#messages = before.messages;
      this.#psks = before.psks;
      this.#remoteEphemeral = before.remoteEphemeral;
      this.#remoteStatic = before.remoteStatic;
    }
    return payload;
  }

  #readNext(message: Uint8Array): Uint8Array | undefined {
    let rest = message;
    for (const token of this.#messages.shift() ?? []) {
      if (token === "e") {
        if (rest.length < DH_BYTES) {
          return undefined;
        }
        this.#remoteEphemeral = this.#mixEphemeral(new Uint8Array(rest.subarray(0, DH_BYTES)));
        rest = rest.subarray(DH_BYTES);
      } else if (token === "s") {
        const length = DH_BYTES + (this.#symmetric.hasKey ? TAG_BYTES : 0);
        const key =
          rest.length < length
            ? undefined
            : this.#symmetric.decryptAndHash(rest.subarray(0, length));
        if (key === undefined) {
          return undefined;
        }
        this.#remoteStatic = key;
        rest = rest.subarray(length);
      } else if (!this.#mix(token)) {
        return undefined;
      }
    }
    return this.#symmetric.decryptAndHash(rest);
  }

  #mixEphemeral(publicKey: Uint8Array): Uint8Array {
    this.#symmetric.mixHash(publicKey);
    // Section 9.2: with a psk, every e is mixed into the key as well.
    if (this.#usesPsk) {
      this.#symmetric.mixKey(publicKey);
    }
    return publicKey;
  }

  #mix(token: NoiseToken): boolean {
    if (token === "psk") {
      this.#symmetric.mixKeyAndHash(need(this.#psks.shift()));
      return true;
    }
    const [first, second] = token;
    const [mine, theirs] = this.#isInitiator ? [first, second] : [second, first];
    const own = mine === "e" ? this.#keys.ephemeral : this.#keys.static;
    const remote = theirs === "e" ? this.#remoteEphemeral : this.#remoteStatic;
    const shared = need(own).agree(need(remote));
    if (shared === undefined) {
      return false;
    }
    this.#symmetric.mixKey(shared);
    return true;
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function need<Value>(value: Value | undefined): Value {
  if (value === undefined) {
    throw new TypeError("the handshake pattern needs a key that was not given");
  }
  return value;
}
