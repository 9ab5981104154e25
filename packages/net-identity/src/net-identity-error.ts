/** What a permission token can be refused for, in the words of Net (Net identity format, section 2.7). */
export type TokenFault =
  | "invalid_signature"
  | "not_yet_valid"
  | "expired"
  | "delegation_exhausted"
  | "delegation_not_allowed"
  | "not_authorized"
  | "invalid_format"
  | "read_only"
  | "zero_ttl";

/** Why this package refused something. A token's fault is its own code, in capitals. */
export type NetIdentityErrorCode =
  | Uppercase<TokenFault>
  /** A seed that is not 32 bytes. */
  | "SEED"
  /** An entity id that is not 32 bytes. */
  | "ENTITY_ID"
  /** A word that names no scope. */
  | "SCOPE"
  | "CHANNEL_NAME"
  /** A number outside the range of its field, or a time that is none. */
  | "RANGE"
  /** An argument of the wrong type. */
  | "ARGUMENT"
  /** There is no identity file at the path. */
  | "NOT_FOUND"
  /** There is a file at the path already. */
  | "EXISTS"
  /** Others can read or replace the identity file. */
  | "PERMISSIONS"
  /** Not an identity file. */
  | "FILE_FORMAT"
  /** The file system refused. */
  | "IO";

/**
 * The one error of this package. Where Net 0.19.0 has a text for the failure, the message is that text
 * (`token: expired`, `identity: seed must be 32 bytes, got 31`), since programs compare it.
 */
export class NetIdentityError extends Error {
  readonly code: NetIdentityErrorCode;

  constructor(code: NetIdentityErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "NetIdentityError";
    this.code = code;
  }
}

/** The error of a token that is refused: `token: <fault>`. */
export function tokenError(fault: TokenFault): NetIdentityError {
  return new NetIdentityError(fault.toUpperCase() as Uppercase<TokenFault>, `token: ${fault}`);
}
