import { MAX_ENCODE_DEPTH } from "./encode-limits.js";
import { keyListOf, unitsIn } from "./key-list.js";
import { isPolluted } from "./pollution.js";
import { isSorted } from "./sort-keys.js";
import { HUGE } from "./string-body.js";

/** Engines keep larger objects as hash tables, which are cheaper to write than to copy. */
const MAX_KEYS = 128;

/** Longer lists of keys are not kept, so that all together hold less than two million UTF-16 units. */
const MAX_KEPT_UNITS = 2048;

/** From this depth on there may be too many objects to look at each twice. */
const MAX_GLANCED_DEPTH = 2;

/** Keys that are out of order mostly show that this early. */
const GLANCED_KEYS = 4;

/** Larger than the kind of any object that is glanced at. */
const DEEP_KIND: number = MAX_GLANCED_DEPTH * (MAX_KEYS + 1);

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

function copyOrdered(value: object, depth: number, budget: Budget): Copy | undefined {
  return Array.isArray(value) ? copyArray(value, depth, budget) : copyObject(value, depth, budget);
}

function copyArray(
  array: readonly unknown[],
  depth: number,
  budget: Budget,
): unknown[] | undefined {
  const length: unknown = array.length;
  // A proxy may answer anything, and a new array would take that for its element.
  if (typeof length !== "number") return undefined;
  budget.size += CONTAINER_SIZE + length;
  if (depth === MAX_ENCODE_DEPTH || budget.size > MAX_SIZE) return undefined;
  if (Object.getPrototypeOf(array) !== Array.prototype) return undefined;
  if (length === 1) {
    const only = copyValue(array[0], depth + 1, budget);
    return only === undefined ? undefined : [only];
  }
  const elements: unknown[] = length > MAX_PREALLOCATED ? [] : new Array(length);
  for (let index = 0; index < length; index += 1) {
    const element = copyValue(array[index], depth + 1, budget);
    if (element === undefined) return undefined;
    elements[index] = element;
  }
  return elements;
}

function copyObject(
  object: object,
  depth: number,
  budget: Budget,
): Record<string, unknown> | undefined {
  budget.size += CONTAINER_SIZE;
  if (depth === MAX_ENCODE_DEPTH || budget.size > MAX_SIZE) return undefined;
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) return undefined;
  const kind = kindOf(object, depth);
  if (kind === undefined) return undefined;
  const copy = shallowCopy(object, kind);
  if (!standInOrder(copy, kind)) return undefined;
  for (const key in copy) {
    const member = copy[key];
    if (typeof member === "string") {
      if (member.length >= HUGE) return undefined;
    } else if (typeof member === "number") {
      if (member - member !== 0) return undefined;
    } else if (typeof member === "object") {
      if (member === null) continue;
      const inner = copyOrdered(member, depth + 1, budget);
      if (inner === undefined) return undefined;
      copy[key] = inner;
    } else if (typeof member !== "boolean" && member !== undefined) {
      return undefined;
    }
  }
  return copy;
}

/**
 * For each kind of object the keys of the last one, which are in ascending order and short. The next
 * one mostly has the same, and an engine compares the same key to itself by its address, whereas
 * comparing neighbours takes a look into both.
 */
const keptKeys = /* @__PURE__ */ noKeys();

/** Those that were kept before, for values in which objects of two sorts alternate. */
const olderKeys = /* @__PURE__ */ noKeys();

function noKeys(): (readonly string[])[] {
  return Array.from({ length: DEEP_KIND + MAX_ENCODE_DEPTH }, () => []);
}

/** Whether the keys of a copy ascend; a loop of its own, for it takes half as long without calls. */
function standInOrder(copy: object, kind: number): boolean {
  if (areFirstOf(keptKeys[kind] as readonly string[], copy)) return true;
  const older = olderKeys[kind] as readonly string[];
  if (!areFirstOf(older, copy)) return keepIfInOrder(copy, kind);
  keep(older, kind);
  return true;
}

/** Whether a copy has these keys and no others, or only the first of them. */
function areFirstOf(keys: readonly string[], copy: object): boolean {
  let index = 0;
  for (const key in copy) {
    if (index >= keys.length || key !== keys[index]) return false;
    index += 1;
  }
  return true;
}

function keep(keys: readonly string[], kind: number): void {
  olderKeys[kind] = keptKeys[kind] as readonly string[];
  keptKeys[kind] = keys;
}

/** Whether the keys of a copy stand in order and none is huge; they are kept for the next of its kind. */
function keepIfInOrder(copy: object, kind: number): boolean {
  const keys = Object.keys(copy);
  const units = unitsIn(keys);
  // Whether few keys are in order may be known already; of many, the list would be sorted in vain.
  const inOrder = keys.length > MAX_KEYS ? isSorted(keys) : keyListOf(keys).inOrder;
  if (!inOrder || units >= HUGE) return false;
  if (keys.length <= MAX_KEYS && units <= MAX_KEPT_UNITS) keep(keys, kind);
  return true;
}

/** The value, or a copy of it; undefined where it is not one that the built-in writes as RFC 8785 does. */
function copyValue(value: unknown, depth: number, budget: Budget): unknown {
  if (typeof value === "string") return value.length < HUGE ? value : undefined;
  if (typeof value === "number") return value - value === 0 ? value : undefined;
  if (typeof value === "object") return value === null ? null : copyOrdered(value, depth, budget);
  return typeof value === "boolean" ? value : undefined;
}

/**
 * A number that objects with different keys mostly differ in: it stands for the count of the keys, or
 * from some depth on for the depth. Undefined for too many keys and where some are visibly out of order.
 */
function kindOf(object: object, depth: number): number | undefined {
  if (depth >= MAX_GLANCED_DEPTH) return DEEP_KIND + depth;
  let count = 0;
  let previousUnit = -1;
  for (const key in object) {
    if (count < GLANCED_KEYS) {
      const unit = key.charCodeAt(0);
      if (unit < previousUnit) return undefined;
      previousUnit = unit;
    }
    count += 1;
    if (count > MAX_KEYS) return undefined;
  }
  return MAX_GLANCED_DEPTH * count + depth;
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
