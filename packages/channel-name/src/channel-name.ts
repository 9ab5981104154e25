const MAX_BYTES = 255;
const encoder = new TextEncoder();

/** A text that is a channel name. */
export type ChannelName = string & { readonly __brand: "ChannelName" };

/**
 * What is wrong with a channel name, in the words of Net, or undefined. The rules are tried in the
 * format's order, so that a name with several faults is refused for the same one everywhere (Net
 * identity format, section 3.1).
 */
export function channelNameProblem(name: string): string | undefined {
  if (name === "") return "channel name is empty";
  const bytes = encoder.encode(name).length;
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

/** Whether `name` is a text that `channelNameProblem` finds nothing wrong with. */
export function isChannelName(name: unknown): name is ChannelName {
  return typeof name === "string" && channelNameProblem(name) === undefined;
}
