import { SubstrateCommandError } from "./substrate-command-error.js";

const commandPrefix = "gaiaftcl.substrate.command.";
const verbPattern = /^[a-z][a-z0-9_]{0,63}$/;
const noncePattern = /^[0-9a-f]{32}$/;

/**
 * The NATS subject on which the substrate service answers a verb (cell format, section 6).
 *
 * @throws SubstrateCommandError `VERB` unless the verb is 1 to 64 of `a-z`, `0-9`, `_`, a letter first
 */
export function commandSubject(verb: string): string {
  if (!verbPattern.test(verb)) {
    throw new SubstrateCommandError(
      "VERB",
      `expected a verb such as replay_session, found ${JSON.stringify(verb)}`,
    );
  }
  return commandPrefix + verb;
}

/** The verb a command subject names, or undefined for any other subject. */
export function verbOfSubject(subject: string): string | undefined {
  if (!subject.startsWith(commandPrefix)) return undefined;
  const verb = subject.slice(commandPrefix.length);
  return verbPattern.test(verb) ? verb : undefined;
}

/** Where the service reports how far the command with this nonce has come; a hint, not authenticated. */
export function progressSubject(nonce: string): string {
  return `gaiaftcl.substrate.progress.${checkedNonce(nonce)}`;
}

/** Where the service listens for the cancellation of the command with this nonce. */
export function cancelSubject(nonce: string): string {
  return `gaiaftcl.substrate.cancel.${checkedNonce(nonce)}`;
}

function checkedNonce(nonce: string): string {
  if (noncePattern.test(nonce)) return nonce;
  throw new SubstrateCommandError(
    "NONCE",
    `expected a nonce of 32 lower-case hex digits, found ${JSON.stringify(nonce)}`,
  );
}
