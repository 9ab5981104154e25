/** Why a layout could not be worked out. */
export type CellLayoutErrorCode =
  /** A directory that has to be absolute is relative, so two processes would disagree about it. */
  | "RELATIVE_PATH"
  /** The account has no home directory and none was given. */
  | "NO_HOME";

/** Thrown when the environment does not say where a cell keeps its things. */
export class CellLayoutError extends Error {
  readonly code: CellLayoutErrorCode;

  constructor(code: CellLayoutErrorCode, message: string) {
    super(message);
    this.name = "CellLayoutError";
    this.code = code;
  }
}
