import { ensureU32List } from "./dictionary.js";
import { NetCapabilityError } from "./net-capability-error.js";

/**
 * A subnet: four levels of one byte in 32 bits, level 0 the most significant; 0 is global
 * (Net identity format, section 11.1).
 */
export type SubnetId = number;

export const GLOBAL_SUBNET: SubnetId = 0;
export const SUBNET_LEVELS = 4;

/** Which subnets a channel is for (section 11.3). */
export type Visibility = "global" | "subnet-local" | "parent-visible" | "exported";

/**
 * A subnet from one to four levels of 0 to 255; levels left out are 0.
 *
 * @throws NetCapabilityError `SUBNET` (`identity: subnet: levels must have at least one entry`, …),
 *   `TYPE` or `RANGE`
 */
export function subnetOfLevels(levels: readonly number[]): SubnetId {
  const values = ensureU32List(levels, "subnet");
  if (values.length === 0) throw subnetProblem("levels must have at least one entry");
  if (values.length > SUBNET_LEVELS) {
    throw subnetProblem(`levels must have at most ${SUBNET_LEVELS} entries, got ${values.length}`);
  }
  return packLevels(values.map((value, index) => ensureU8(value, `level ${index}`)));
}

/** The four levels of a subnet, level 0 first. */
export function subnetLevels(subnet: SubnetId): readonly [number, number, number, number] {
  return [subnet >>> 24, (subnet >>> 16) & 0xff, (subnet >>> 8) & 0xff, subnet & 0xff];
}

/** The index of the last level that is not 0, plus 1; global has depth 0. */
export function subnetDepth(subnet: SubnetId): number {
  return subnetLevels(subnet).findLastIndex((level) => level !== 0) + 1;
}

/**
 * Whether a channel of this visibility, published in `publisher`, is for a peer in `subscriber`
 * (section 11.3). `parent-visible` is for the same subnet and for those above it.
 */
export function isVisible(
  visibility: Visibility,
  publisher: SubnetId,
  subscriber: SubnetId,
): boolean {
  switch (visibility) {
    case "global":
      return true;
    case "subnet-local":
      return publisher === subscriber;
    case "parent-visible": {
      const own = subnetLevels(publisher);
      const depth = subnetDepth(subscriber);
      return subnetLevels(subscriber).every(
        (level, index) => index >= depth || level === own[index],
      );
    }
    case "exported":
      return false;
  }
}

/** Packs up to four levels that are known to be bytes. */
export function packLevels(levels: readonly number[]): SubnetId {
  const [a = 0, b = 0, c = 0, d = 0] = levels;
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

export function ensureU8(value: number, name: string): number {
  if (value <= 0xff) return value;
  throw subnetProblem(`${name} value ${value} exceeds u8 range`);
}

export function subnetProblem(message: string): NetCapabilityError {
  return new NetCapabilityError("SUBNET", `identity: subnet: ${message}`);
}
