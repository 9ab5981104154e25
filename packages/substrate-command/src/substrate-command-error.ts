/** What can be wrong with the arguments of this package. What arrives from the bus is a result, not an exception. */
export type SubstrateCommandErrorCode = "KEY" | "VERB" | "NONCE";

/** Misuse of the envelope by the program itself. */
export class SubstrateCommandError extends Error {
  override readonly name = "SubstrateCommandError";
  readonly code: SubstrateCommandErrorCode;

  constructor(code: SubstrateCommandErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
