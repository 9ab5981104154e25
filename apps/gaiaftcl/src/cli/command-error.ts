import type { ExitCode } from "./output.js";
import { exitCodes } from "./output.js";

export type CommandErrorCode = "USAGE" | "NOT_FOUND" | "BLOCKED" | "REFUSED";

/** A command that cannot go on, with its exit code and the command to type next. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly code: CommandErrorCode;
  readonly next: string;

  constructor(code: CommandErrorCode, message: string, next: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.next = next;
  }

  get exitCode(): ExitCode {
    if (this.code === "USAGE") return exitCodes.usage;
    return this.code === "REFUSED" ? exitCodes.refused : exitCodes.blocked;
  }
}
