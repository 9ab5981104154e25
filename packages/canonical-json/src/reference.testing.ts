import fc from "fast-check";
import type { JsonValue } from "./index.js";

/** RFC 8785 in the fewest words, to compare with: no check, no fast path. */
export function referenceEncode(value: JsonValue | undefined): string {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") return String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value) as string;
  if (Array.isArray(value)) return `[${value.map(referenceEncode).join(",")}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => compareUnits(a, b))
    .map(([key, member]) => `${JSON.stringify(key)}:${referenceEncode(member)}`);
  return `{${members.join(",")}}`;
}

/** Unit by unit, without relying on how `<` compares strings. */
export function compareUnits(a: string, b: string): number {
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const difference = a.charCodeAt(index) - b.charCodeAt(index);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** The three orders of the portable profile, each over all pairs. */
export function referenceSortsAlike(keys: readonly string[]): boolean {
  return keys.every((a, index) =>
    keys.slice(index + 1).every((b) => {
      const byByte = Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const byUnit = Math.sign(compareUnits(a, b));
      const byNumber = Math.sign(compareTokens(tokensOf(a), tokensOf(b)));
      return byByte === byUnit && byUnit === byNumber;
    }),
  );
}

/** Runs of digits as their value plus one, below the code of every letter; all else as its code. */
function tokensOf(key: string): readonly (readonly [rank: number, value: bigint])[] {
  return [...key.toLowerCase().matchAll(/\d+|\D/g)].map(([token]) =>
    /\d/.test(token) ? [0x30, BigInt(token)] : [token.charCodeAt(0), 0n],
  );
}

function compareTokens(a: ReturnType<typeof tokensOf>, b: ReturnType<typeof tokensOf>): number {
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const [rankA, valueA] = a[index] as readonly [number, bigint];
    const [rankB, valueB] = b[index] as readonly [number, bigint];
    if (rankA !== rankB) return rankA - rankB;
    if (valueA !== valueB) return valueA < valueB ? -1 : 1;
  }
  return a.length - b.length;
}

/** Keys that have tripped implementations, and keys that have not. */
export const anyKey: fc.Arbitrary<string> = fc.oneof(
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 6 }) },
  { weight: 2, arbitrary: fc.stringMatching(/^[A-Za-z0-9_.:/@+-]{0,5}$/) },
  { weight: 1, arbitrary: fc.nat(120).map(String) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "__proto__",
      "constructor",
      "toString",
      "toJSON",
      "valueOf",
      "hasOwnProperty",
      "length",
      "",
      "\u{1f600}",
      "\ufb33",
      "\ud7ff",
      "4294967294",
      "4294967295",
      "-1",
      "01",
      "\u007f",
      "\u2028",
      'a"b',
      "a\\b",
      "\n",
    ),
  },
);

export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string(),
  fc.constantFrom("[1]", '{"a":1}', "\\ud800", "\\", '"', "\u001f", "é".repeat(200)),
);

/** Numbers that come back from their text as numbers: no integer that decoding would refuse. */
const anyNumber: fc.Arbitrary<number> = fc
  .oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.constantFrom(1e21, 1e-7, 5e-324, 1.7976931348623157e308),
  )
  .filter((value) => !/^-?\d+$/.test(String(value)) || Number.isSafeInteger(value))
  .map((value) => (value === 0 ? 0 : value));

/** Any value that both directions take, of at most a few levels. */
export const anyJson: fc.Arbitrary<JsonValue> = jsonOf(
  fc.oneof(fc.constant(null), fc.boolean(), anyNumber, anyText),
  anyKey,
);

/** Values of the portable profile, but for the order of their keys. */
export const anyNearlyPortable: fc.Arbitrary<JsonValue> = jsonOf(
  fc.oneof(fc.constant(null), fc.boolean(), fc.maxSafeInteger(), anyText),
  fc.stringMatching(/^[A-Za-z0-9_.:/@+-]{0,4}$/),
);

/** Values of the portable profile: the order of keys is settled by their first letter. */
export const anyPortable: fc.Arbitrary<JsonValue> = jsonOf(
  fc.oneof(fc.constant(null), fc.boolean(), fc.maxSafeInteger(), anyText),
  fc.stringMatching(/^[a-z]{1,3}(_[a-z]{1,3}){0,2}$/),
);

function jsonOf(
  scalar: fc.Arbitrary<JsonValue>,
  key: fc.Arbitrary<string>,
): fc.Arbitrary<JsonValue> {
  return fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      scalar,
      fc.array(tie("value"), { maxLength: 5 }),
      fc
        .array(fc.tuple(key, tie("value")), { maxLength: 6 })
        .map((entries) => Object.fromEntries(entries)),
    ),
  })).value;
}
