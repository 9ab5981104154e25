/** Cell format, section 1. */
const PORTABLE_KEY = /^[A-Za-z0-9_.:/@+-]*$/;

export interface NotPortable {
  readonly key: string;
  readonly code: "KEY_NOT_PORTABLE" | "KEY_ORDER_NOT_PORTABLE";
}

/**
 * The first of the keys of one object, given in ascending order of their UTF-16 units, that some
 * canonical encoder writes or sorts differently; undefined where all agree.
 *
 * Byte order and UTF-16 order are one order here, because the characters are ASCII. The numeric
 * case-insensitive comparison agrees with them if each key comes strictly after its predecessor,
 * and looking at neighbours is enough: it reads a key as a list of tokens (a character in lower
 * case, or the value of a run of digits), tokens have a total preorder (every number stands where
 * the digits stand among the characters), and lists compare token by token, which makes it a total
 * preorder on keys. Such an order is transitive, so strictly ascending neighbours make all pairs
 * strictly ascending. Keys it cannot tell apart have no order in it at all and are refused, too.
 */
export function findNotPortable(sorted: readonly string[]): NotPortable | undefined {
  for (const key of sorted) {
    if (!PORTABLE_KEY.test(key)) return { key, code: "KEY_NOT_PORTABLE" };
  }
  for (let index = 1; index < sorted.length; index += 1) {
    const key = sorted[index] as string;
    if (compareNumericCaseInsensitive(sorted[index - 1] as string, key) >= 0) {
      return { key, code: "KEY_ORDER_NOT_PORTABLE" };
    }
  }
  return undefined;
}

/**
 * Compares two portable keys as Swift's `.sortedKeys` long did: letters without their case, runs of
 * digits by value (`a2` before `a10`), all else by character. 0 for keys it cannot tell apart,
 * such as `a` and `A` or `1` and `01`.
 */
function compareNumericCaseInsensitive(a: string, b: string): number {
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
