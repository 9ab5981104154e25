import {
  type CapabilitySet,
  ensureAnnounceable,
  type SubnetPolicy,
  subnetOfLevels,
} from "@gaiaftcl/net-capability";
import { Identity } from "@gaiaftcl/net-identity";
import { dhKeyPair, generateDhKeyPair, parseAddress, type RandomBytes } from "@gaiaftcl/net-wire";
import { type MeshTuning, meshTuning } from "../config/mesh-config.js";
import { preSharedKey } from "../config/pre-shared-key.js";
import { ensureSigner } from "../core/arguments.js";
import type { NoiseKeyPair } from "../core/mesh-state.js";
import type { MeshCoreOptions } from "../core/node-parts.js";
import { NetMeshError } from "../net-mesh-error.js";
import {
  ensurePortMappingOptions,
  type PortMappingOptions,
} from "../port-mapping/port-mapping-options.js";

export interface MeshNodeOptions {
  /** `ip:port` or `[ip]:port`; port 0 takes a free one. */
  readonly bind: string;
  /** 32 bytes or 64 hexadecimal digits, the same on every node of the mesh. */
  readonly psk: Uint8Array | string;
  /** Who the node is; a new identity when left out. */
  readonly identity?: Identity;
  /** Secret half of the Noise key, 32 bytes; kept by those who want the same public key after a restart. */
  readonly secretKey?: Uint8Array;
  readonly tuning?: Partial<MeshTuning>;
  /** 1 to 4 levels of 0 to 255; global when left out. */
  readonly subnet?: readonly number[];
  readonly subnetPolicy?: SubnetPolicy;
  /** An address this node is known to be reached at from outside. */
  readonly reflexOverride?: string;
  /**
   * Asks the gateway to forward a port to this node, by NAT-PMP and then by UPnP; not done when left
   * out. While it does, the node counts as reached at the gateway's address, as `setReflexOverride`
   * would say. No failure surfaces but in `MeshNode.portMapping`.
   */
  readonly tryPortMapping?: boolean | PortMappingOptions;
  /**
   * Whether a node may have a session; every holder of the pre-shared key when left out. A node id is a
   * claim until `PeerView.entityId` is there; with `tuning.requireStrict`, who does not prove it is let go.
   */
  readonly admits?: (nodeId: bigint) => boolean;
  /** What the node announces from the start. */
  readonly capabilities?: CapabilitySet;
}

const KEY_BYTES = 32;

/** The parts of a core's options that follow from those of a node, all checked. */
export type CheckedOptions = Omit<
  MeshCoreOptions,
  "transmit" | "emit" | "wallClock" | "boundAddress"
>;

/**
 * Checks what a node is made of, in the order of the reference (Net transport format, section 14.1).
 *
 * @throws NetMeshError `INVALID_OPTION`
 */
export function checkedOptions(options: MeshNodeOptions, randomBytes: RandomBytes): CheckedOptions {
  if (parseAddress(options.bind) === undefined) {
    throw new NetMeshError(
      "INVALID_OPTION",
      `invalid address: invalid socket address syntax: expected ip:port or [ip]:port, found ${JSON.stringify(options.bind)}`,
    );
  }
  const psk = preSharedKey(options.psk);
  const { reflexOverride, subnet, subnetPolicy, admits } = options;
  if (reflexOverride !== undefined && parseAddress(reflexOverride) === undefined) {
    throw new NetMeshError(
      "INVALID_OPTION",
      `invalid reflex_override: invalid socket address syntax: expected ip:port or [ip]:port, found ${JSON.stringify(reflexOverride)}`,
    );
  }
  if (typeof options.tryPortMapping === "object") {
    ensurePortMappingOptions(options.tryPortMapping);
  }
  if (options.capabilities !== undefined) {
    ensureAnnounceable(options.capabilities);
  }
  return {
    identity: ensureSigner(options.identity ?? Identity.generate()),
    keyPair: keyPair(options.secretKey, randomBytes),
    psk,
    tuning: meshTuning(options.tuning ?? {}),
    randomBytes,
    ...(reflexOverride === undefined ? {} : { reflexOverride }),
    ...(subnet === undefined ? {} : { subnet: subnetOfLevels(subnet) }),
    ...(subnetPolicy === undefined ? {} : { subnetPolicy }),
    ...(admits === undefined ? {} : { admits }),
  };
}

function keyPair(secretKey: Uint8Array | undefined, randomBytes: RandomBytes): NoiseKeyPair {
  if (secretKey === undefined) {
    return generateDhKeyPair(randomBytes);
  }
  if (secretKey.length !== KEY_BYTES) {
    throw new NetMeshError(
      "INVALID_OPTION",
      `secretKey must be ${KEY_BYTES} bytes, got ${secretKey.length}`,
    );
  }
  return dhKeyPair(secretKey);
}
