import type { Random } from "./random.ts";

const INTERESTING = [0, 1, 2, 4, 7, 8, 15, 16, 32, 63, 64, 100, 127, 128, 255] as const;
const INTERESTING_WIDE = [0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] as const;
const WIDTHS = [1, 2, 4] as const;

type Mutation = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

/** Changes inputs blindly: bits, bytes, numbers, pieces, and words of the target's dictionary. */
export class Mutator {
  readonly #random: Random;
  readonly #dictionary: readonly Uint8Array[];
  readonly #maxLength: number;

  constructor(random: Random, dictionary: readonly Uint8Array[], maxLength: number) {
    this.#random = random;
    this.#dictionary = dictionary;
    this.#maxLength = maxLength;
  }

  /** An input made of `input`, with pieces of `other` perhaps. */
  mutate(input: Uint8Array, other: Uint8Array): Uint8Array {
    const random = this.#random;
    let bytes: Uint8Array = Uint8Array.from(input);
    for (let rounds = 1 << random.below(5); rounds > 0; rounds -= 1) {
      bytes =
        this.#dictionary.length > 0 && random.below(5) === 0
          ? place(bytes, random, random.pick(this.#dictionary))
          : random.pick(MUTATIONS)(bytes, random, other);
    }
    return bytes.length > this.#maxLength ? bytes.subarray(0, this.#maxLength) : bytes;
  }
}

/** Puts a word over what is there, or between. */
function place(bytes: Uint8Array, random: Random, word: Uint8Array): Uint8Array {
  const at = random.below(bytes.length + 1);
  const isInserted = random.below(2) === 0;
  return splice(bytes, at, isInserted ? at : Math.min(bytes.length, at + word.length), word);
}

/** `bytes` with those from `from` to `to` replaced. */
export function splice(
  bytes: Uint8Array,
  from: number,
  to: number,
  inserted: Uint8Array,
): Uint8Array {
  const result = new Uint8Array(bytes.length - (to - from) + inserted.length);
  result.set(bytes.subarray(0, from));
  result.set(inserted, from);
  result.set(bytes.subarray(to), from + inserted.length);
  return result;
}

/** A piece of `bytes`, short ones more often. */
function piece(bytes: Uint8Array, random: Random): readonly [number, number] {
  const from = random.below(bytes.length);
  const most = Math.min(bytes.length - from, 1 << random.below(10));
  return [from, from + 1 + random.below(most)];
}

/** A change of the bytes that leaves their number as it is; nothing for no bytes. */
function inPlace(change: (bytes: Uint8Array, at: number, random: Random) => void): Mutation {
  return (bytes, random) => {
    if (bytes.length > 0) change(bytes, random.below(bytes.length), random);
    return bytes;
  };
}

/** A change of a number in the bytes, of 1, 2 or 4 bytes in either order. */
function ofNumber(change: (value: number, random: Random) => number): Mutation {
  return (bytes, random) => {
    const width = random.pick(WIDTHS);
    if (bytes.length < width) return bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const at = random.below(bytes.length - width + 1);
    const isLittle = random.below(2) === 0;
    if (width === 1) view.setUint8(at, change(view.getUint8(at), random));
    else if (width === 2)
      view.setUint16(at, change(view.getUint16(at, isLittle), random), isLittle);
    else view.setUint32(at, change(view.getUint32(at, isLittle), random), isLittle);
    return bytes;
  };
}

const MUTATIONS: readonly Mutation[] = [
  inPlace((bytes, at, random) => {
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  }),
  inPlace((bytes, at, random) => {
    bytes[at] = random.u32();
  }),
  inPlace((bytes, at, random) => {
    bytes[at] = random.pick(INTERESTING);
  }),
  ofNumber((value, random) => value + 1 + random.below(16)),
  ofNumber((value, random) => value - 1 - random.below(16)),
  ofNumber((_value, random) => random.pick(INTERESTING_WIDE)),
  // A decimal digit, which text formats are full of.
  inPlace((bytes, at, random) => {
    bytes[at] = 0x30 + random.below(10);
  }),
  // Take a piece out.
  (bytes, random) => {
    if (bytes.length === 0) return bytes;
    const [from, to] = piece(bytes, random);
    return splice(bytes, from, to, new Uint8Array(0));
  },
  // Put new bytes in.
  (bytes, random) => {
    const fresh = new Uint8Array(1 + random.below(8));
    const same = random.u32();
    const isSame = random.below(2) === 0;
    for (const index of fresh.keys()) fresh[index] = isSame ? same : random.u32();
    const at = random.below(bytes.length + 1);
    return splice(bytes, at, at, fresh);
  },
  // Repeat a piece, or copy it over another place.
  (bytes, random) => {
    if (bytes.length === 0) return bytes;
    const [from, to] = piece(bytes, random);
    return place(bytes, random, bytes.slice(from, to));
  },
  // Repeat a piece many times: what is fine once may not be fine often.
  (bytes, random) => {
    if (bytes.length === 0) return bytes;
    const [from, to] = piece(bytes, random);
    const times = 1 << random.below(6);
    const repeated = new Uint8Array((to - from) * times);
    for (let at = 0; at < repeated.length; at += to - from)
      repeated.set(bytes.subarray(from, to), at);
    return splice(bytes, from, to, repeated);
  },
  // Take a piece of another input.
  (bytes, random, other) => {
    if (other.length === 0) return bytes;
    const [from, to] = piece(other, random);
    return place(bytes, random, other.subarray(from, to));
  },
  // Cut off.
  (bytes, random) => bytes.slice(0, random.below(bytes.length + 1)),
];
