import { isIPv4 } from "node:net";
import { type AddressParts, parseAddress } from "@gaiaftcl/net-wire";
import { NetMeshError } from "../net-mesh-error.js";
import { defaultGateway } from "./default-gateway.js";
import { NatPmpMapper } from "./nat-pmp-mapper.js";
import type { PortMapper } from "./port-mapper.js";
import {
  PortMappingKeeper,
  type PortMappingPlan,
  type PortMappingView,
} from "./port-mapping-keeper.js";
import { UpnpMapper } from "./upnp-mapper.js";

export interface PortMappingOptions {
  /** IPv4 address of the gateway; that of the system when left out, which is known on Linux only. */
  readonly gateway?: string;
  /** Where the gateway listens for NAT-PMP; 5351. */
  readonly natPmpPort?: number;
  /** Where gateways listen for a UPnP search, `ip:port`; the SSDP group when left out. */
  readonly searchAddress?: string;
  /** Called at every change; also `MeshNode.portMapping`. */
  readonly changed?: (view: PortMappingView) => void;
}

const NAT_PMP_PORT = 5351;
const MAX_PORT = 0xffff;
const SSDP_GROUP = "239.255.255.250:1900";

/** @throws NetMeshError `INVALID_OPTION` */
export function ensurePortMappingOptions(options: PortMappingOptions): void {
  const { gateway, natPmpPort = NAT_PMP_PORT, searchAddress = SSDP_GROUP } = options;
  if (gateway !== undefined && !isIPv4(gateway)) {
    throw invalid("gateway", "an IPv4 address", gateway);
  }
  if (!Number.isInteger(natPmpPort) || natPmpPort < 1 || natPmpPort > MAX_PORT) {
    throw invalid("natPmpPort", "a port from 1 to 65535", natPmpPort);
  }
  if (parseAddress(searchAddress)?.family !== 4) {
    throw invalid("searchAddress", "ip:port with an IPv4 address", searchAddress);
  }
}

/**
 * Begins to get and keep a mapping for a node: NAT-PMP with the default gateway, then UPnP.
 *
 * @param bound where the node is really bound; a mapping leads to this very port and, unless it is a wildcard, address
 */
export async function keepPortMapping(
  bound: AddressParts,
  options: PortMappingOptions,
  listeners: Pick<PortMappingPlan, "mapped" | "lost" | "changed">,
): Promise<PortMappingKeeper> {
  const gateway = options.gateway ?? (await defaultGateway());
  return new PortMappingKeeper({
    internalPort: bound.port,
    mappers: mappersFor(bound, gateway, options),
    ...listeners,
  });
}

function mappersFor(
  bound: AddressParts,
  gateway: string | undefined,
  { natPmpPort = NAT_PMP_PORT, searchAddress = SSDP_GROUP }: PortMappingOptions,
): PortMapper[] {
  const isWildcard = bound.ip === "0.0.0.0" || bound.ip === "::";
  const to = parseAddress(searchAddress);
  if ((bound.family === 6 && !isWildcard) || to === undefined) {
    // Both protocols map IPv4 only.
    return [];
  }
  const from = isWildcard ? undefined : bound.ip;
  return [
    ...(gateway === undefined ? [] : [new NatPmpMapper({ ip: gateway, port: natPmpPort, from })]),
    new UpnpMapper({ to, from, gateway }),
  ];
}

function invalid(name: string, expected: string, found: unknown): NetMeshError {
  return new NetMeshError(
    "INVALID_OPTION",
    `invalid tryPortMapping.${name}: expected ${expected}, found ${JSON.stringify(found)}`,
  );
}
