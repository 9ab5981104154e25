const U64_MAX = 0xffff_ffff_ffff_ffffn;
const I64_MIN = -0x8000_0000_0000_0000n;
const I32_MAX = 2_147_483_647;
const LARGEST_POWER = 308;
const POWERS: readonly number[] = Array.from({ length: LARGEST_POWER + 1 }, (_, n) =>
  Number(`1e${n}`),
);

/**
 * The value of a JSON number: a bigint for an integer literal that fits 64 bits, else a double;
 * undefined when the double would be infinite. `text` has to be of the number grammar.
 *
 * A double is computed as the reference computes it, which for long literals may be the neighbour
 * of the nearest double: the same filter has to select the same events in every language.
 */
export function jsonNumber(text: string): bigint | number | undefined {
  const negative = text.startsWith("-");
  const body = negative ? text.slice(1) : text;
  if (!/[.eE]/.test(body)) {
    // Fifteen digits are exact in a double; most integers are far shorter.
    const value = BigInt(text);
    if (negative ? value < 0n && value >= I64_MIN : value <= U64_MAX) return value;
  }
  const magnitude = double(body);
  return magnitude !== undefined && negative ? -magnitude : magnitude;
}

function double(body: string): number | undefined {
  const [mantissa = "", exponentText] = body.split(/[eE]/);
  const [whole = "", fraction = ""] = mantissa.split(".");
  const { significand, exponent } = significandOf(whole, fraction);
  if (exponentText === undefined) return scaled(Number(significand), exponent);
  const upwards = !exponentText.startsWith("-");
  const size = Number(exponentText.replace(/^[+-]/, ""));
  if (size > I32_MAX) return upwards && significand !== 0n ? undefined : 0;
  return scaled(Number(significand), upwards ? exponent + size : exponent - size);
}

/** As many digits as fit 64 bits. Further digits of the whole part count as powers of ten. */
function significandOf(
  whole: string,
  fraction: string,
): { readonly significand: bigint; readonly exponent: number } {
  let significand = 0n;
  for (let i = 0; i < whole.length; i += 1) {
    const next = significand * 10n + BigInt(whole.charCodeAt(i) - 48);
    if (next > U64_MAX) return inFraction(significand, fraction, whole.length - i);
    significand = next;
  }
  return inFraction(significand, fraction, 0);
}

function inFraction(
  start: bigint,
  fraction: string,
  shift: number,
): { readonly significand: bigint; readonly exponent: number } {
  let significand = start;
  for (let i = 0; i < fraction.length; i += 1) {
    const next = significand * 10n + BigInt(fraction.charCodeAt(i) - 48);
    if (next > U64_MAX) return { significand, exponent: shift - i };
    significand = next;
  }
  return { significand, exponent: shift - fraction.length };
}

function scaled(significand: number, power: number): number | undefined {
  let value = significand;
  let exponent = power;
  while (Math.abs(exponent) > LARGEST_POWER) {
    if (value === 0) return 0;
    if (exponent > 0) return undefined;
    value /= 1e308;
    exponent += LARGEST_POWER;
  }
  if (exponent < 0) return value / (POWERS[-exponent] as number);
  const result = value * (POWERS[exponent] as number);
  return Number.isFinite(result) ? result : undefined;
}
