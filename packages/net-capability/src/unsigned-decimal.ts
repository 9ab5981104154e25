/**
 * An unsigned decimal as the reference reads it in tags: digits, maybe after one `+`, leading zeros
 * allowed, at most `max`. Anything else is `undefined`.
 */
export function parseUnsignedDecimal(text: string, max = 0xffff_ffff): number | undefined {
  if (!/^\+?[0-9]+$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}
