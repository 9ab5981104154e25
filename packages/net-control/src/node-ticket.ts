import { networkInterfaces } from "node:os";
import { formatTicket } from "./ticket.js";

/** What a node tells of itself. */
export interface TicketSource {
  readonly nodeId: bigint;
  readonly publicKey: Uint8Array;
  /** Where it is bound; perhaps to every address of this host. */
  readonly address: string;
  readonly natType: string;
  readonly reflexAddress: string | undefined;
}

interface HostAddress {
  readonly address: string;
  readonly family: string;
  readonly internal: boolean;
  readonly scopeid?: number | undefined;
}

type Interfaces = Readonly<Record<string, readonly HostAddress[] | undefined>>;

const IPV4_WILDCARD = "0.0.0.0:";
const IPV6_WILDCARD = "[::]:";

/**
 * A ticket by which others reach the node: at its address outside if that is known to be open, else
 * where it is bound, and with an address of this host where it is bound to all of them.
 */
export function nodeTicket(
  node: TicketSource,
  interfaces: Interfaces = networkInterfaces(),
): string {
  const { address, natType, reflexAddress } = node;
  const isOpen = natType === "open" && reflexAddress !== undefined;
  return formatTicket({
    ...node,
    address: isOpen ? reflexAddress : onThisHost(address, interfaces),
  });
}

function onThisHost(address: string, interfaces: Interfaces): string {
  const isIpv6 = address.startsWith(IPV6_WILDCARD);
  if (!(isIpv6 || address.startsWith(IPV4_WILDCARD))) return address;
  const port = address.slice(address.lastIndexOf(":") + 1);
  const known = Object.values(interfaces).flatMap((each) => each ?? []);
  // A wildcard of either family takes IPv4 peers, who are the ones to be expected.
  const outward = known.find(({ family, internal }) => family === "IPv4" && !internal);
  if (outward !== undefined) return `${outward.address}:${port}`;
  const ipv6 = known.find(
    ({ family, internal, scopeid }) => isIpv6 && family === "IPv6" && !internal && !scopeid,
  );
  return ipv6 === undefined ? `127.0.0.1:${port}` : `[${ipv6.address}]:${port}`;
}
