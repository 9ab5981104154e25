const PORTABLE_KEY = /^[A-Za-z0-9_.:/@+-]*$/;

/** Whether every encoder sorts and writes this key alike (cell format, section 1). */
export function isPortableKey(key: string): boolean {
  return PORTABLE_KEY.test(key);
}

/**
 * The first of the portable keys, given in ascending byte order, that a numeric case-insensitive
 * comparison does not place strictly after its predecessor; undefined when the two orders agree.
 *
 * Looking at neighbours is enough. The comparison maps a key to a list of tokens (a character in
 * lower case, or the value of a run of digits), tokens have a total preorder (a number stands
 * where its digits stand among the characters), and keys compare as lists do, so the comparison is
 * a total preorder on keys and strictly ascending neighbours make all pairs strictly ascending.
 * Byte order and UTF-16 order are one order here, because portable keys are ASCII.
 */
export function findUnsortable(keys: readonly string[]): string | undefined {
  for (let index = 1; index < keys.length; index += 1) {
    const key = keys[index] as string;
    if (compareNumericCaseInsensitive(keys[index - 1] as string, key) >= 0) return key;
  }
  return undefined;
}

/**
 * Compares two portable keys as Swift's `.sortedKeys` long did: letters without their case, runs of
 * digits by value (`a2` before `a10`), all else by character. 0 for keys it cannot tell apart,
 * such as `a` and `A` or `1` and `01`.
 */
export function compareNumericCaseInsensitive(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(j);
    if (isDigit(x) && isDigit(y)) {
      const endA = endOfDigits(a, i);
      const endB = endOfDigits(b, j);
      const difference = compareDigits(a.slice(i, endA), b.slice(j, endB));
      if (difference !== 0) return difference;
      i = endA;
      j = endB;
    } else {
      const difference = lowerCase(x) - lowerCase(y);
      if (difference !== 0) return difference;
      i += 1;
      j += 1;
    }
  }
  return a.length - i - (b.length - j);
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function lowerCase(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
}

function endOfDigits(text: string, start: number): number {
  let end = start;
  while (end < text.length && isDigit(text.charCodeAt(end))) end += 1;
  return end;
}

/** Compares the values of two runs of digits of any length. */
function compareDigits(a: string, b: string): number {
  const x = a.replace(/^0+/, "");
  const y = b.replace(/^0+/, "");
  if (x.length !== y.length) return x.length - y.length;
  return x === y ? 0 : x < y ? -1 : 1;
}
