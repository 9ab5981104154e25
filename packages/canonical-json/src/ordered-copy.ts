import { MAX_ENCODE_DEPTH } from "./encode-limits.js";
import { HUGE } from "./string-body.js";

/** Objects with more keys are cheaper to write than to copy. */
const MAX_KEYS = 64;

/** Longer arrays grow as they are filled: a length alone says nothing about the memory needed. */
const MAX_PREALLOCATED = 4096;

/**
 * What is copied at most, in elements, an array or object counting as some more: 256 MiB or so. A
 * value may be larger than the memory it takes, because it may share its parts; the copy does not.
 */
const MAX_SIZE = 2 ** 24;
const CONTAINER_SIZE = 8;

type Copy = unknown[] | Record<string, unknown>;

/**
 * Encodes a value that is an array or object, has no form that needs care, and whose keys stand in
 * order everywhere; returns undefined for every other value, refusable ones included.
 *
 * The copy is what makes the built-in `JSON.stringify` safe to use: each property is read once, and
 * what was validated is what is written, whatever getters and proxies answer the second time. The
 * copy has neither accessors nor functions, so that writing it runs no code but the built-in.
 */
export function encodeOrdered(value: object): string | undefined {
  const copy = new OrderedCopier().copy(value, 0);
  if (copy === undefined || isPolluted()) return undefined;
  const text = JSON.stringify(copy);
  // The built-in writes an unpaired surrogate as an escape that begins like this. The same letters
  // after an escaped backslash are harmless, and the writer finds that out.
  return text.includes("\\ud") ? undefined : text;
}

/** Whether somebody extended the prototypes of plain objects or arrays in a way that shows here. */
export function isPolluted(): boolean {
  if ("toJSON" in Array.prototype || "toJSON" in Object.prototype) return true;
  for (const _ in Array.prototype) return true;
  for (const _ in Object.prototype) return true;
  return false;
}

class OrderedCopier {
  #size = 0;

  copy(value: object, depth: number): Copy | undefined {
    if (depth === MAX_ENCODE_DEPTH) return undefined;
    this.#size += CONTAINER_SIZE;
    if (this.#size > MAX_SIZE) return undefined;
    const prototype: unknown = Object.getPrototypeOf(value);
    if (Array.isArray(value)) {
      return prototype === Array.prototype ? this.#copyArray(value, depth) : undefined;
    }
    if (prototype !== Object.prototype && prototype !== null) return undefined;
    return this.#copyObject(value, depth);
  }

  #copyArray(array: readonly unknown[], depth: number): unknown[] | undefined {
    const length = array.length;
    this.#size += length;
    if (this.#size > MAX_SIZE) return undefined;
    const copy: unknown[] = length > MAX_PREALLOCATED ? [] : new Array(length);
    for (let index = 0; index < length; index += 1) {
      const value = array[index];
      if (typeof value === "object" && value !== null) {
        const inner = this.copy(value, depth + 1);
        if (inner === undefined) return undefined;
        copy[index] = inner;
        continue;
      }
      if (typeof value === "number") {
        if (value - value !== 0) return undefined;
      } else if (typeof value === "string") {
        if (value.length >= HUGE) return undefined;
      } else if (typeof value !== "boolean" && value !== null) {
        return undefined;
      }
      copy[index] = value;
    }
    return copy;
  }

  #copyObject(object: object, depth: number): Record<string, unknown> | undefined {
    let count = 0;
    for (const key in object) {
      count += 1;
      if (count > MAX_KEYS || key.length >= HUGE) return undefined;
    }
    const copy = shallowCopy(object, depth);
    let previous = "";
    let previousUnit = -1;
    for (const key in copy) {
      // Most neighbours differ in their first unit, and comparing units costs less than strings.
      // The empty key has none, which makes this NaN and leaves the answer to the strings.
      const unit = key.charCodeAt(0);
      if (!(unit > previousUnit) && key < previous) return undefined;
      previous = key;
      previousUnit = unit;
      const value = copy[key];
      if (typeof value === "string") {
        if (value.length >= HUGE) return undefined;
        continue;
      }
      if (typeof value === "object") {
        if (value === null) continue;
        const inner = this.copy(value, depth + 1);
        if (inner === undefined) return undefined;
        copy[key] = inner;
      } else if (typeof value === "number") {
        if (value - value !== 0) return undefined;
      } else if (typeof value !== "boolean" && value !== undefined) {
        return undefined;
      }
    }
    return copy;
  }
}

/**
 * Copies the own enumerable properties. An engine remembers the few shapes of object that each of
 * these expressions has met, and objects of one kind tend to stand at one depth; a single
 * expression for all takes three times as long once it has met them all.
 */
function shallowCopy(object: object, depth: number): Record<string, unknown> {
  switch (depth % 8) {
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
    default:
      return { ...object };
  }
}
