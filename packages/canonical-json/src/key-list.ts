import { findNotPortable, type NotPortable } from "./portable-key.js";
import { isSorted, sortKeys } from "./sort-keys.js";
import { HUGE } from "./string-body.js";

/** Where a member stands: at the beginning, after a member that is text and lacks its quote, or after another. */
export const FIRST = 0;
export const AFTER_TEXT = 2;
export const AFTER_OTHER = 4;
export type Opening = typeof FIRST | typeof AFTER_TEXT | typeof AFTER_OTHER;

/** How many heads a key may have: each opening, before text and before other values. */
const HEADS = 6;

/** What precedes the value of a member, its opening quote included if it is text. */
export function headOf(body: string, opening: Opening, isText: boolean): string {
  const start = opening === FIRST ? '{"' : opening === AFTER_TEXT ? '","' : ',"';
  return isText ? `${start}${body}":"` : `${start}${body}":`;
}

/** The keys of an object as it lists them, and what is true of every object with these keys. */
export class KeyList {
  readonly keys: readonly string[];
  readonly inOrder: boolean;
  /** In ascending order of UTF-16 units. */
  readonly sorted: readonly string[];
  /** What has been asked for of what may precede the value of each of the sorted keys. */
  readonly #heads: (string | undefined)[] = [];
  #plain: boolean | undefined;
  #notPortable: NotPortable | "unknown" | undefined = "unknown";

  constructor(keys: readonly string[]) {
    this.keys = keys;
    this.inOrder = isSorted(keys);
    this.sorted = this.inOrder ? keys : sortKeys(keys);
  }

  /** Whether all keys stand in JSON as they are, without an escape. */
  get plain(): boolean {
    this.#plain ??= isPlain(this.keys);
    return this.#plain;
  }

  /** What the portable profile has against these keys; undefined where it accepts them. */
  get notPortable(): NotPortable | undefined {
    if (this.#notPortable === "unknown") this.#notPortable = findNotPortable(this.sorted);
    return this.#notPortable;
  }

  /**
   * What precedes the value of a sorted key that is plain, put together once for many objects.
   *
   * @param opening what ends the member before, or begins the object
   */
  head(index: number, opening: Opening, isText: boolean): string {
    const slot = index * HEADS + opening + (isText ? 1 : 0);
    const known = this.#heads[slot];
    if (known !== undefined) return known;
    const head = headOf(this.sorted[index] as string, opening, isText);
    // Looking into it has an engine put the pieces together, here rather than in every text.
    this.#heads[slot] = Number.isNaN(head.charCodeAt(0)) ? "" : head;
    return head;
  }

  has(keys: readonly string[]): boolean {
    const own = this.keys;
    if (own.length !== keys.length) return false;
    for (let index = 0; index < own.length; index += 1) {
      if (own[index] !== keys[index]) return false;
    }
    return true;
  }
}

/** Where lists of keys are kept, at most one for each slot. */
interface Table {
  readonly slots: number;
  readonly maxKeys: number;
  readonly maxUnits: number;
  readonly lists: (KeyList | undefined)[];
}

/**
 * Programs encode objects of a few kinds over and over, and sorting and checking their keys takes as
 * long as writing them. What was found out last about some lists of keys is therefore kept: a pure
 * function of the keys, in tables that hold a few million UTF-16 units at most, whatever is encoded.
 */
const narrow: Table = { slots: 256, maxKeys: 64, maxUnits: 1024, lists: [] };
const wide: Table = { slots: 8, maxKeys: 4096, maxUnits: 65_536, lists: [] };

/** What is to be known about the keys of one object. */
export function keyListOf(keys: readonly string[]): KeyList {
  const table = keys.length <= narrow.maxKeys ? narrow : wide;
  const slot = mix(keys) % table.slots;
  const known = table.lists[slot];
  if (known?.has(keys)) return known;
  const list = new KeyList(keys);
  if (keys.length <= table.maxKeys && unitsIn(keys) <= table.maxUnits) table.lists[slot] = list;
  return list;
}

/** Every escape, that of an unpaired surrogate included, makes the text longer. */
function isPlain(keys: readonly string[]): boolean {
  const units = unitsIn(keys);
  return units < HUGE && JSON.stringify(keys).length === units + 3 * keys.length + 1;
}

/** How many UTF-16 units the keys have together. */
export function unitsIn(keys: readonly string[]): number {
  let units = 0;
  for (const key of keys) units += key.length;
  return units;
}

/** Lists of keys mostly differ in these respects; where two do not, the later one takes the slot. */
function mix(keys: readonly string[]): number {
  const first = keys[0] ?? "";
  const last = keys[keys.length - 1] ?? "";
  return (
    keys.length * 31 +
    first.length * 7 +
    (first.charCodeAt(0) | 0) * 17 +
    last.length * 3 +
    (last.charCodeAt(last.length - 1) | 0) * 13
  );
}
