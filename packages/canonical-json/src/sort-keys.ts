/** Up to here an insertion sort is done before the built-in one has started. */
const FEW = 32;

/** From here on preparing numbers to sort by pays off. */
const MANY = 128;

/**
 * What is packed into one exact double: the first units after the prefix that all keys share, eight
 * bits each, and below them the index of the key.
 */
const PACKED_UNITS = 4;
const UNIT_RADIX = 0x100;
const LARGEST_UNIT = UNIT_RADIX - 1;
const INDEX_RADIX = 0x100000;

/** Whether distinct keys stand in ascending order of their UTF-16 units (RFC 8785, 3.2.3). */
export function isSorted(keys: readonly string[]): boolean {
  for (let index = 1; index < keys.length; index += 1) {
    if ((keys[index - 1] as string) > (keys[index] as string)) return false;
  }
  return true;
}

/** The keys in ascending order of their UTF-16 units, which is how `<` compares strings. */
export function sortKeys(keys: readonly string[]): string[] {
  if (keys.length <= FEW) return insertionSort(keys.slice());
  if (keys.length < MANY || keys.length > INDEX_RADIX) return keys.slice().sort();
  return packedSort(keys);
}

function insertionSort(keys: string[], start = 0): string[] {
  for (let index = start + 1; index < keys.length; index += 1) {
    const key = keys[index] as string;
    let low = start;
    let high = index;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((keys[middle] as string) < key) low = middle + 1;
      else high = middle;
    }
    for (let at = index; at > low; at -= 1) keys[at] = keys[at - 1] as string;
    keys[low] = key;
  }
  return keys;
}

/**
 * Sorting numbers costs a fraction of sorting strings, so a few units of each key are packed into a
 * number, and strings are compared only within the runs where those are equal.
 */
function packedSort(keys: readonly string[]): string[] {
  const prefix = sharedPrefix(keys);
  const packed = new Float64Array(keys.length);
  for (let index = 0; index < packed.length; index += 1) {
    packed[index] = pack(keys[index] as string, prefix) * INDEX_RADIX + index;
  }
  packed.sort();
  const sorted: string[] = [];
  let run = 0;
  let previous = -1;
  for (let at = 0; at < packed.length; at += 1) {
    const code = packed[at] as number;
    const units = Math.floor(code / INDEX_RADIX);
    if (units !== previous) {
      sortRun(sorted, run);
      run = at;
      previous = units;
    }
    sorted.push(keys[code - units * INDEX_RADIX] as string);
  }
  sortRun(sorted, run);
  return sorted;
}

/** Sorts what stands at the end of the keys, from `start` on. */
function sortRun(keys: string[], start: number): void {
  if (keys.length - start <= 1) return;
  if (keys.length - start <= FEW) insertionSort(keys, start);
  else for (const key of keys.splice(start).sort()) keys.push(key);
}

function sharedPrefix(keys: readonly string[]): number {
  const first = Uint16Array.from(keys[0] as string, (unit) => unit.charCodeAt(0));
  let length = first.length;
  for (const key of keys) {
    let common = 0;
    while (common < length && key.charCodeAt(common) === first[common]) common += 1;
    length = common;
  }
  return length;
}

/**
 * Packs the units of a key that follow the shared prefix so that keys whose packed units differ are
 * ordered as their units are. The end of a key comes first; a unit too large for its bits takes the
 * largest number and leaves what follows it to the comparison of strings.
 */
function pack(key: string, start: number): number {
  let code = 0;
  let at = start;
  for (let packed = 0; packed < PACKED_UNITS; packed += 1) {
    const unit = at < key.length ? Math.min(key.charCodeAt(at) + 1, LARGEST_UNIT) : 0;
    code = code * UNIT_RADIX + unit;
    at = unit === LARGEST_UNIT ? key.length : at + 1;
  }
  return code;
}
