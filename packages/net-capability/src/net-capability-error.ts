/**
 * What was wrong. The first three have a counterpart among the exceptions of the reference:
 * `TYPE` is its `TypeError`, `RANGE` its `OverflowError`, `SUBNET` its `IdentityError`.
 */
export type NetCapabilityErrorCode =
  | "TYPE"
  | "RANGE"
  | "SUBNET"
  | "TEXT"
  | "ANNOUNCEMENT"
  | "PREDICATE";

/**
 * Thrown for dictionaries, policies and announcements that cannot be read. Where the reference has
 * an exact text, the message starts with it.
 */
export class NetCapabilityError extends Error {
  override readonly name = "NetCapabilityError";
  readonly code: NetCapabilityErrorCode;

  constructor(code: NetCapabilityErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
