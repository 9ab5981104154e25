import { splice } from "./mutator.ts";
import type { Comparison } from "./probe.ts";

const MAX_PLACES = 3;
const MAX_GUESSES = 2000;
const MAX_WORD = 64;

/**
 * Inputs in which something the target compared stands as what it was compared with: magic numbers,
 * lengths, names and digits are found that way, which blind changes hardly ever hit.
 */
export function* guessesFrom(
  input: Uint8Array,
  comparisons: readonly Comparison[],
): Generator<Uint8Array, void, undefined> {
  const tried = new Set<string>();
  let guesses = 0;
  for (const [left, right] of comparisons) {
    for (const [found, wanted] of [
      [left, right],
      [right, left],
    ]) {
      for (const [from, to] of substitutions(found, wanted)) {
        const key = `${Buffer.from(from).toString("hex")} ${Buffer.from(to).toString("hex")}`;
        if (from.length === 0 || tried.has(key)) continue;
        tried.add(key);
        for (const at of placesOf(from, input)) {
          guesses += 1;
          if (guesses > MAX_GUESSES) return;
          yield splice(input, at, at + from.length, to);
        }
      }
    }
  }
}

/** The words that comparisons name: a dictionary that the target gives itself. */
export function wordsOf(comparisons: readonly Comparison[]): Uint8Array[] {
  return comparisons
    .flat()
    .filter((value) => typeof value === "string" && value.length > 1 && value.length <= MAX_WORD)
    .map((value) => Buffer.from(String(value)));
}

function* placesOf(word: Uint8Array, input: Uint8Array): Generator<number, void, undefined> {
  const buffer = Buffer.from(input.buffer, input.byteOffset, input.length);
  let at = buffer.indexOf(word);
  for (let places = 0; at >= 0 && places < MAX_PLACES; places += 1) {
    yield at;
    at = buffer.indexOf(word, at + 1);
  }
}

/** How a value may stand in an input, beside how another would. */
function* substitutions(
  found: unknown,
  wanted: unknown,
): Generator<readonly [Uint8Array, Uint8Array], void, undefined> {
  if (typeof found === "string" && typeof wanted === "string") {
    if (found.length <= MAX_WORD && wanted.length <= MAX_WORD) {
      yield [Buffer.from(found), Buffer.from(wanted)];
    }
    return;
  }
  if (!isWhole(found) || !isWhole(wanted)) return;
  const value = BigInt(found);
  for (const goal of [BigInt(wanted), BigInt(wanted) + 1n, BigInt(wanted) - 1n]) {
    yield [Buffer.from(`${value}`), Buffer.from(`${goal}`)];
    for (const width of [1, 2, 4, 8]) {
      const from = littleEndian(value, width);
      const to = littleEndian(goal, width);
      if (from === undefined || to === undefined) continue;
      yield [from, to];
      if (width > 1) yield [from.toReversed(), to.toReversed()];
    }
  }
}

function isWhole(value: unknown): value is number | bigint {
  return typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value));
}

function littleEndian(value: bigint, width: number): Uint8Array | undefined {
  if (value < 0n || value >= 1n << BigInt(8 * width)) return undefined;
  return Uint8Array.from({ length: width }, (_, index) =>
    Number((value >> BigInt(8 * index)) & 255n),
  );
}
