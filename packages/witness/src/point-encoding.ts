import { bytesOf, integerOf, isEqual, isLess } from "./little-endian.js";

/** The field prime and the curve constant (RFC 8032, section 5.1). */
const P = 2n ** 255n - 19n;
const D = 0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3n;

const P_BYTES: Uint8Array = bytesOf(P);

/**
 * The y coordinates of the eight points whose order divides the cofactor. With such a point as key,
 * one signature fits many or all messages.
 */
const SMALL_ORDER_Y: readonly Uint8Array[] = [
  0n, // order 4
  1n, // the identity
  P - 1n, // order 2
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n, // order 8
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n, // order 8
].map(bytesOf);

/** Why a 32-byte encoding of a point is refused. */
export type PointRefusal = "non-canonical" | "small-order" | "not-on-curve";

/**
 * Checks the encoding alone: y below the prime, and none of the points of small order. The encoding
 * of x = 0 with its sign bit set, which RFC 8032 calls invalid, is covered by the second rule: x is
 * zero only at y = 1 and y = -1.
 */
export function refusedEncoding(bytes: Uint8Array): PointRefusal | undefined {
  const y = yBytes(bytes);
  if (!isLess(y, P_BYTES)) return "non-canonical";
  return SMALL_ORDER_Y.some((small) => isEqual(small, y)) ? "small-order" : undefined;
}

/** As {@link refusedEncoding}, and whether the curve has a point with this y. */
export function refusedPoint(bytes: Uint8Array): PointRefusal | undefined {
  const refusal = refusedEncoding(bytes);
  if (refusal !== undefined) return refusal;
  const y = integerOf(yBytes(bytes));
  const y2 = (y * y) % P;
  // RFC 8032, section 5.1.3: x² = u / v, and u / v is a square exactly when u v is one.
  const u = y2 - 1n + P;
  const v = (D * y2 + 1n) % P;
  return isSquare((u * v) % P) ? undefined : "not-on-curve";
}

/** The encoding without the sign of x. */
function yBytes(bytes: Uint8Array): Uint8Array {
  const y = Uint8Array.from(bytes);
  y[31] = (y[31] ?? 0) & 0x7f;
  return y;
}

/** Euler's criterion, for values other than zero. */
function isSquare(value: bigint): boolean {
  let result = 1n;
  let base = value;
  for (let exponent = (P - 1n) / 2n; exponent > 0n; exponent >>= 1n) {
    if ((exponent & 1n) === 1n) result = (result * base) % P;
    base = (base * base) % P;
  }
  return result === 1n;
}
