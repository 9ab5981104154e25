import { MAX_ENCODE_DEPTH } from "./encode-limits.js";
import { keyListOf } from "./key-list.js";
import { isPolluted } from "./pollution.js";
import { HUGE } from "./string-body.js";

/** Engines keep larger objects as hash tables, which are cheaper to write than to copy. */
const MAX_KEYS = 128;

/** Up to here comparing keys is faster than looking them up. */
const FEW_KEYS = 32;

/** From this depth on there may be too many objects to look at each twice. */
const MAX_GLANCED_DEPTH = 2;

/** Longer arrays grow as they are filled: a length alone says nothing about the memory needed. */
const MAX_PREALLOCATED = 4096;

/**
 * What is copied at most, in elements, an array or object counting as some more: 256 MiB or so. A
 * value may be larger than the memory it takes, because it may share its parts; the copy does not.
 */
const MAX_SIZE = 2 ** 24;
const CONTAINER_SIZE = 8;

interface Budget {
  size: number;
}

type Copy = unknown[] | Record<string, unknown>;

/**
 * Encodes a value that is an array or object, has no part that needs care, and whose keys stand in
 * order everywhere; returns undefined for every other value, refusable ones included.
 *
 * The copy is what makes the built-in `JSON.stringify` safe to use: each property is read once, and
 * what was validated is what is written, whatever getters and proxies answer the second time. The
 * copy has neither accessors nor functions, so that writing it runs no code but the built-in.
 */
export function encodeOrdered(value: object): string | undefined {
  const copy = copyOrdered(value, 0, { size: 0 });
  if (copy === undefined || isPolluted()) return undefined;
  const text = JSON.stringify(copy);
  // The built-in writes an unpaired surrogate as an escape that begins like this. The same letters
  // after an escaped backslash are harmless, and the writer finds that out.
  return text.includes("\\ud") ? undefined : text;
}

/** One function for arrays and objects, because calling another for each takes a tenth of the time. */
function copyOrdered(value: object, depth: number, budget: Budget): Copy | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  budget.size += CONTAINER_SIZE;
  if (depth === MAX_ENCODE_DEPTH || budget.size > MAX_SIZE) return undefined;
  if (Array.isArray(value)) {
    const length = value.length;
    budget.size += length;
    if (prototype !== Array.prototype || budget.size > MAX_SIZE) return undefined;
    const elements: unknown[] = length > MAX_PREALLOCATED ? [] : new Array(length);
    for (let index = 0; index < length; index += 1) {
      let element: unknown = value[index];
      if (typeof element === "object" && element !== null) {
        element = copyOrdered(element, depth + 1, budget);
        if (element === undefined) return undefined;
      } else if (!isPlainScalar(element)) {
        return undefined;
      }
      elements[index] = element;
    }
    return elements;
  }
  if (prototype !== Object.prototype && prototype !== null) return undefined;
  const kind = depth < MAX_GLANCED_DEPTH ? countKeysInOrder(value) : depth;
  if (kind > MAX_KEYS) return undefined;
  const copy = shallowCopy(value, kind);
  // Of larger objects the keys are looked up as a whole, which pays off the second time.
  const checked = depth < MAX_GLANCED_DEPTH && kind > FEW_KEYS;
  if (checked && !keyListOf(Object.keys(copy)).inOrder) return undefined;
  let previous = "";
  let previousUnit = -1;
  for (const key in copy) {
    // Most neighbours differ in their first two units, which cost less to compare than strings.
    // A missing unit is NaN, which leaves the answer to the strings.
    const unit = key.charCodeAt(0);
    const isLater =
      checked ||
      unit > previousUnit ||
      (unit === previousUnit && key.charCodeAt(1) > previous.charCodeAt(1)) ||
      key >= previous;
    if (!isLater || key.length >= HUGE) return undefined;
    previous = key;
    previousUnit = unit;
    const member = copy[key];
    if (typeof member === "object" && member !== null) {
      const inner = copyOrdered(member, depth + 1, budget);
      if (inner === undefined) return undefined;
      copy[key] = inner;
    } else if (member !== undefined && !isPlainScalar(member)) {
      return undefined;
    }
  }
  return copy;
}

/** Whether the built-in writes a value that is no object as RFC 8785 does. */
function isPlainScalar(value: unknown): boolean {
  if (typeof value === "string") return value.length < HUGE;
  if (typeof value === "number") return value - value === 0;
  return value === null || typeof value === "boolean";
}

/** How many keys there are; more than MAX_KEYS also where keys are visibly out of order. */
function countKeysInOrder(object: object): number {
  let count = 0;
  let previousUnit = -1;
  for (const key in object) {
    const unit = key.charCodeAt(0);
    count += 1;
    if (unit < previousUnit || count > MAX_KEYS) return MAX_KEYS + 1;
    previousUnit = unit;
  }
  return count;
}

/**
 * Copies the own enumerable properties. An engine remembers the few shapes of object that each of
 * these expressions has met, and a single expression for all takes three times as long once it has
 * met too many; so objects of different kinds, told apart by a number, are copied by different ones.
 */
function shallowCopy(object: object, kind: number): Record<string, unknown> {
  switch (kind % 13) {
    case 0:
      return { ...object };
    case 1:
      return { ...object };
    case 2:
      return { ...object };
    case 3:
      return { ...object };
    case 4:
      return { ...object };
    case 5:
      return { ...object };
    case 6:
      return { ...object };
    case 7:
      return { ...object };
    case 8:
      return { ...object };
    case 9:
      return { ...object };
    case 10:
      return { ...object };
    case 11:
      return { ...object };
    default:
      return { ...object };
  }
}
