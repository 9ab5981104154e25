import { rekey } from "./noise/suite.js";
import { ReplayWindow } from "./replay-window.js";

/** Packets of one key: 2^20. The epoch of a packet is its counter divided by this. */
export const EPOCH_PACKETS: number = 2 ** 20;

/** After this many milliseconds a sender that has sent anything goes on to the next key. */
export const EPOCH_MS = 120_000;

/** How many keys ahead of the present one a packet may be: what a receiver derives for one datagram at most. */
const FURTHEST_EPOCH = 64;

const WINDOW = 4096;
const LEGACY_WINDOW = 1024;

/** The keys packets are sent under. The key of the next epoch is Noise's REKEY of this one's. */
export class SendKeys {
  readonly #strict: boolean;
  #key: Uint8Array;
  #epoch = 0;
  #counter = 0;
  #epochBeganAt: number;

  constructor(key: Uint8Array, strict: boolean, now: number) {
    this.#key = key;
    this.#strict = strict;
    this.#epochBeganAt = now;
  }

  /** The key in use; take it after the counter. */
  get key(): Uint8Array {
    return this.#key;
  }

  /** The counter of the next packet, which uses it up. Moves on to the next epoch when the present one is full or old. */
  takeCounter(now: number): number {
    if (
      this.#strict &&
      this.#counter > this.#epoch * EPOCH_PACKETS &&
      now - this.#epochBeganAt >= EPOCH_MS
    ) {
      this.#counter = (this.#epoch + 1) * EPOCH_PACKETS;
    }
    const counter = this.#counter;
    this.#counter += 1;
    if (this.#strict && Math.floor(counter / EPOCH_PACKETS) > this.#epoch) {
      this.#key = rekey(this.#key);
      this.#epoch += 1;
      this.#epochBeganAt = now;
    }
    return counter;
  }
}

interface ReceiveEpoch {
  readonly index: number;
  readonly key: Uint8Array;
  readonly window: ReplayWindow;
}

/**
 * The keys packets are received under: the present epoch's, and the one before it for late packets.
 * A packet of a later epoch moves both on, but only once it has proved authentic.
 */
export class ReceiveKeys {
  readonly #strict: boolean;
  #current: ReceiveEpoch;
  #previous: ReceiveEpoch | undefined;
  /**
   * Keys of the epochs after the present one, as far as packets have asked for them. They are kept,
   * or every forged packet of a far epoch would have them derived anew.
   */
  #ahead: Uint8Array[] = [];

  constructor(key: Uint8Array, strict: boolean) {
    this.#strict = strict;
    this.#current = {
      index: 0,
      key,
      window: strict ? newWindow() : new ReplayWindow(LEGACY_WINDOW, LEGACY_WINDOW),
    };
  }

  /** The key to try for a packet, or undefined when its counter is used, too old or too far ahead. */
  keyFor(counter: number): Uint8Array | undefined {
    const ahead = this.#epochOf(counter) - this.#current.index;
    if (ahead > 0) {
      return ahead > FURTHEST_EPOCH ? undefined : this.#keyAhead(ahead);
    }
    const epoch = this.#known(ahead);
    return epoch?.window.check(counter) === true ? epoch.key : undefined;
  }

  /** Accepts the counter of a packet that decrypted under `keyFor(counter)`; false when it was accepted before. */
  accept(counter: number): boolean {
    const index = this.#epochOf(counter);
    const ahead = index - this.#current.index;
    if (ahead > 0) {
      this.#previous = ahead === 1 ? this.#current : undefined;
      this.#current = { index, key: this.#keyAhead(ahead), window: newWindow() };
      this.#ahead = this.#ahead.slice(ahead);
      return this.#current.window.mark(counter);
    }
    return this.#known(ahead)?.window.mark(counter) ?? false;
  }

  /** A session with a 0.19.0 peer is one epoch. */
  #epochOf(counter: number): number {
    return this.#strict ? Math.floor(counter / EPOCH_PACKETS) : 0;
  }

  #known(ahead: number): ReceiveEpoch | undefined {
    if (ahead === 0) {
      return this.#current;
    }
    return ahead === -1 ? this.#previous : undefined;
  }

  #keyAhead(steps: number): Uint8Array {
    let key = this.#ahead.at(-1) ?? this.#current.key;
    while (this.#ahead.length < steps) {
      key = rekey(key);
      this.#ahead.push(key);
    }
    return this.#ahead[steps - 1] as Uint8Array;
  }
}

function newWindow(): ReplayWindow {
  return new ReplayWindow(WINDOW, Number.POSITIVE_INFINITY);
}
