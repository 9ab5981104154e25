import { CommandError } from "./command-error.js";

/** The number that an option or argument is. @throws CommandError `USAGE` */
export function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new CommandError(
    "USAGE",
    `expected a whole number, found ${JSON.stringify(text)}`,
    "--help",
  );
}

/** Collects an option that may be given several times. */
export function append(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
