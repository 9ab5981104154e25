import { CortexError } from "./cortex-error.js";

/**
 * Names one write, so that another part of the program can wait until it is folded (CortEX format,
 * section 10.1).
 */
export interface WriteToken {
  readonly originHash: bigint;
  readonly seq: bigint;
}

const u64Max = 0xffffffffffffffffn;

/** 16 hexadecimal digits of the origin, a colon, and the sequence number in decimal. */
export function formatWriteToken(token: WriteToken): string {
  return `${formatOrigin(token.originHash)}:${token.seq}`;
}

/** @throws CortexError `INVALID_ARGUMENT` for text that is not a token. */
export function parseWriteToken(text: string): WriteToken {
  const colon = text.indexOf(":");
  if (colon === -1) throw invalid("expected `<origin_hex>:<seq>`");
  const origin = text.slice(0, colon);
  if (!/^[0-9a-f]{16}$/iu.test(origin)) throw invalid("origin must be 16 lowercase hex chars");
  const digits = text.slice(colon + 1);
  const seq = /^\+?[0-9]+$/u.test(digits) ? BigInt(digits.replace("+", "")) : u64Max + 1n;
  if (seq > u64Max) throw invalid("seq must be a decimal u64");
  return { originHash: BigInt(`0x${origin}`), seq };
}

export function formatOrigin(originHash: bigint): string {
  return originHash.toString(16).padStart(16, "0");
}

function invalid(text: string): CortexError {
  return new CortexError("INVALID_ARGUMENT", `invalid WriteToken: ${text}`);
}
