import { type ChannelName, channelNameProblem } from "@gaiaftcl/channel-name";
import { xxh3 } from "@gaiaftcl/xxh3";
import { NetIdentityError } from "./net-identity-error.js";

const CHANNEL_STREAM = 1n << 48n;

/** Returns the name if it is one. @throws NetIdentityError `CHANNEL_NAME` */
export function ensureChannelName(name: string): ChannelName {
  if (typeof name !== "string") {
    throw new NetIdentityError("ARGUMENT", `expected a channel name, found ${typeof name}`);
  }
  const problem = channelNameProblem(name);
  if (problem === undefined) return name as ChannelName;
  throw new NetIdentityError("CHANNEL_NAME", `identity: invalid channel name: ${problem}`);
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
