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
    const epoch = this.#epochOf(counter);
    return epoch?.window.check(counter) === true ? epoch.key : undefined;
  }

  /** Accepts the counter of a packet that decrypted under `keyFor(counter)`; false when it was accepted before. */
  accept(counter: number): boolean {
    const epoch = this.#epochOf(counter);
    if (epoch === undefined || !epoch.window.mark(counter)) {
      return false;
    }
    if (epoch.index > this.#current.index) {
      this.#previous = epoch.index === this.#current.index + 1 ? this.#current : undefined;
      this.#current = epoch;
    }
    return true;
  }

  #epochOf(counter: number): ReceiveEpoch | undefined {
    const { index } = this.#current;
    const wanted = this.#strict ? Math.floor(counter / EPOCH_PACKETS) : 0;
    if (wanted === index) {
      return this.#current;
    }
    if (wanted === this.#previous?.index) {
      return this.#previous;
    }
    if (wanted < index || wanted > index + FURTHEST_EPOCH) {
      return undefined;
    }
    let { key } = this.#current;
    for (let step = index; step < wanted; step += 1) {
      key = rekey(key);
    }
    return { index: wanted, key, window: newWindow() };
  }
}

function newWindow(): ReplayWindow {
  return new ReplayWindow(WINDOW, Number.POSITIVE_INFINITY);
}
