import { BlockList, isIPv4 } from "node:net";

/** Networks of the IANA special-purpose registry that nobody on the Internet reaches, and multicast. */
const UNREACHABLE: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
];

const unreachable = new BlockList();
for (const [network, prefix] of UNREACHABLE) {
  unreachable.addSubnet(network, prefix);
}

/**
 * Whether a node can be reached from the Internet at this IPv4 address. A gateway that reports
 * another one stands behind a second NAT: a mapping there helps nobody, and its address must not be
 * announced.
 */
export function isReachableFromOutside(address: string): boolean {
  return isIPv4(address) && !unreachable.check(address);
}
