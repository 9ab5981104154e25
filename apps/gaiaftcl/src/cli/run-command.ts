import type { ExitCode } from "./output.js";
import type { Session } from "./session.js";

/** What a command does; what it returns is the exit code, `ok` when it returns nothing. */
type CommandBody<Arguments extends readonly unknown[]> = (
  session: Session,
  ...args: Arguments
) => Promise<ExitCode> | Promise<void>;

/** Binds a command's body to the session of the run, for commander's `action`. */
export type RunCommand = <Arguments extends readonly unknown[]>(
  body: CommandBody<Arguments>,
) => (...args: Arguments) => Promise<void>;
