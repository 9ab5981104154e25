/** Why this package refused something; every code is one kind of refusal. */
export type WitnessErrorCode =
  /** A cell id, domain id or artifact path breaks the rule for identity texts. */
  | "IDENTITY_TEXT"
  /** A block height is not a whole number from 0 to 2^64 - 1. */
  | "TAU_BLOCK"
  /** A text holds a lone surrogate, so it has no UTF-8 form. */
  | "ILL_FORMED_TEXT"
  /** Something that should be 64 lower-case hex digits is not. */
  | "HASH"
  /** Text that is not strict hex. */
  | "HEX"
  /** Text that is not strict, canonical base64 or base64url. */
  | "BASE64"
  /** A key container: not PEM, another kind of key, or a structure other than the one expected. */
  | "PEM"
  /** Not a public key, or one this package refuses to verify with. */
  | "PUBLIC_KEY"
  /** Not a private key. */
  | "PRIVATE_KEY"
  /** Not one of the five federation contexts. */
  | "CONTEXT"
  /** Not one of the forms a quintet can be sealed in. */
  | "QUINTET_FORM"
  /** A seal that does not hold by itself, so it must not be cosigned. */
  | "SEAL"
  /** A table of federation keys that cannot be used. */
  | "FEDERATION_KEYS"
  /** An argument of the wrong type. */
  | "ARGUMENT";

/** The one error of this package. A check that fails is not an error but part of a report. */
export class WitnessError extends Error {
  readonly code: WitnessErrorCode;

  constructor(code: WitnessErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "WitnessError";
    this.code = code;
  }
}

/** Writes an untrusted text into a message: quoted, control characters escaped, cut to a line. */
export function quote(text: string, limit = 80): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return JSON.stringify(cut);
}
