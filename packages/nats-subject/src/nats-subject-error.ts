export type NatsSubjectErrorCode =
  | "NOT_TEXT"
  | "EMPTY"
  | "EMPTY_TOKEN"
  | "CHARACTER"
  | "WILDCARD"
  | "INNER_WILDCARD"
  | "TOO_LONG";

/** A text that is not a subject, pattern or queue name; says which rule it breaks and where. */
export class NatsSubjectError extends Error {
  override readonly name = "NatsSubjectError";
  readonly code: NatsSubjectErrorCode;
  /** UTF-16 index of the offending token or character in the text. */
  readonly offset: number;

  constructor(code: NatsSubjectErrorCode, message: string, offset: number) {
    super(message);
    this.code = code;
    this.offset = offset;
  }
}
