/** The three shapes of ids that backends give (event bus format, section 6.6). */
export type IdClass = "pair" | "number" | "opaque";

const PAIR = /^([0-9]+)-([0-9]+)$/;
const NUMBER = /^[0-9]+$/;
const U64 = 0xffff_ffff_ffff_ffffn;
const U128 = (1n << 128n) - 1n;

function pair(id: string): readonly [bigint, bigint] | undefined {
  const match = PAIR.exec(id);
  if (match === null || id.length > 64) return undefined;
  const [high, low] = [BigInt(match[1] as string), BigInt(match[2] as string)];
  return high > U64 || low > U64 ? undefined : [high, low];
}

function integer(id: string): bigint | undefined {
  if (!NUMBER.test(id) || id.length > 64) return undefined;
  const value = BigInt(id);
  return value > U128 ? undefined : value;
}

export function idClass(id: string): IdClass {
  if (pair(id) !== undefined) return "pair";
  return integer(id) === undefined ? "opaque" : "number";
}

/** Orders two ids of one shard: as pairs if both are, else as numbers if both are, else as texts. */
export function compareIds(a: string, b: string): number {
  const [pairA, pairB] = [pair(a), pair(b)];
  if (pairA !== undefined && pairB !== undefined) {
    return compare(pairA[0], pairB[0]) || compare(pairA[1], pairB[1]);
  }
  const [numberA, numberB] = [integer(a), integer(b)];
  if (numberA !== undefined && numberB !== undefined) return compare(numberA, numberB);
  return a < b ? -1 : a > b ? 1 : 0;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
