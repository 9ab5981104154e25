import { channelNameProblem } from "@gaiaftcl/net-identity";
import { NetChannelError } from "./net-channel-error.js";

const MAX_GROUP_BYTES = 255;
const encoder = new TextEncoder();

/** Returns the name if it is one (Net identity format, section 3.1). @throws NetChannelError `NAME` */
export function ensureName(name: string): string {
  if (typeof name !== "string") {
    throw new NetChannelError("ARGUMENT", `expected a channel name, found ${typeof name}`);
  }
  const problem = channelNameProblem(name);
  if (problem === undefined) return name;
  throw new NetChannelError("NAME", `channel: invalid name: ${problem}`);
}

/**
 * The bytes of a queue group's name: 1 to 255 of them, any text (Net identity format, section 5.1).
 *
 * @throws NetChannelError `QUEUE_GROUP`
 */
export function queueGroupBytes(group: string): Uint8Array {
  const bytes = encoder.encode(group);
  if (bytes.length >= 1 && bytes.length <= MAX_GROUP_BYTES && group.isWellFormed()) return bytes;
  throw new NetChannelError(
    "QUEUE_GROUP",
    `expected a queue group of 1 to ${MAX_GROUP_BYTES} bytes of UTF-8, found ${bytes.length}`,
  );
}

/** Returns a whole number from 0 to `max`. @throws NetChannelError `RANGE` */
export function ensureUint(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new NetChannelError(
    "RANGE",
    `expected ${name} to be a whole number from 0 to ${max}, found ${value}`,
  );
}
