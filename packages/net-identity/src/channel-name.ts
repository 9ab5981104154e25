import { xxh3 } from "@gaiaftcl/xxh3";
import { NetIdentityError } from "./net-identity-error.js";

const MAX_BYTES = 255;
const CHANNEL_STREAM = 1n << 48n;
const encoder = new TextEncoder();

/** A text that passed `ensureChannelName`. */
export type ChannelName = string & { readonly __brand: "ChannelName" };

/**
 * What is wrong with a channel name, or undefined. The rules are tried in the format's order, so that a
 * name with several faults is refused for the same one everywhere (Net identity format, section 3.1).
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

/** Returns the name if it is one. @throws NetIdentityError `CHANNEL_NAME` */
export function ensureChannelName(name: string): ChannelName {
  if (typeof name !== "string") {
    throw new NetIdentityError("ARGUMENT", `expected a channel name, found ${typeof name}`);
  }
  const problem = channelNameProblem(name);
  if (problem === undefined) return name as ChannelName;
  throw new NetIdentityError("CHANNEL_NAME", `identity: invalid channel name: ${problem}`);
}

/** Whether `ensureChannelName` takes the name. */
export function isChannelName(name: unknown): name is ChannelName {
  return typeof name === "string" && channelNameProblem(name) === undefined;
}

/**
 * The hash that stands for a channel in tokens and stream ids (Net identity format, section 3.2).
 *
 * @throws NetIdentityError `CHANNEL_NAME`
 */
export function channelHash(name: string): bigint {
  return xxh3(ensureChannelName(name));
}

/** The 16 bits of a channel hash that packet headers carry. Many channels share them. */
export function channelHint(hash: bigint): number {
  return Number(hash & 0xffffn);
}

/** The stream that a channel's events are published on (Net identity format, section 3.2). */
export function publishStreamId(hash: bigint): bigint {
  return hash | CHANNEL_STREAM;
}
