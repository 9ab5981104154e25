import { RedexError } from "./redex-error.js";

const MAX_BYTES = 255;

/**
 * Checks a channel name (log format, section 1.1): 1 to 255 bytes of `a-z 0-9 - _ . /`, no slash
 * at either end, no `//`, no segment `.` or `..`. The checks run in the format's order, so that
 * a name with several faults is refused for the same one everywhere.
 *
 * @throws RedexError `INVALID_NAME`
 */
export function ensureChannelName(name: string): string {
  const fault = channelNameFault(name);
  if (fault !== undefined) throw new RedexError("INVALID_NAME", "invalid channel name", fault);
  return name;
}

/** Whether `ensureChannelName` accepts the name. */
export function isChannelName(name: unknown): name is string {
  return typeof name === "string" && channelNameFault(name) === undefined;
}

function channelNameFault(name: string): string | undefined {
  if (typeof name !== "string") return `channel name must be text, not ${typeof name}`;
  if (name === "") return "channel name is empty";
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > MAX_BYTES) return `channel name too long (${bytes} > ${MAX_BYTES})`;
  if (name.startsWith("/") || name.endsWith("/")) {
    return "invalid channel name format: must not start or end with '/'";
  }
  if (name.includes("//")) return "invalid channel name format: must not contain '//'";
  for (const character of name) {
    if (character >= "A" && character <= "Z") {
      return `invalid channel name format: uppercase character '${character}' not allowed — channel names are lowercase only`;
    }
    if (!/^[a-z0-9\-_./]$/.test(character)) {
      return `invalid character '${character}' in channel name`;
    }
  }
  const reserved = name.split("/").find((segment) => segment === "." || segment === "..");
  if (reserved === undefined) return undefined;
  return `invalid channel name format: segment "${reserved}" is reserved`;
}
