import { describe, expect, it } from "vitest";
import { nodeTicket, type TicketSource } from "./node-ticket.js";
import { parseTicket } from "./ticket.js";

const network = (address: string, internal = false, scopeid = 0) => ({
  address,
  internal,
  scopeid,
  family: address.includes(":") ? "IPv6" : "IPv4",
});

const host = {
  lo: [network("127.0.0.1", true), network("::1", true)],
  eth0: [network("fe80::1", false, 2), network("2001:db8::5"), network("192.168.7.5")],
};
const onlyIpv6 = { lo: host.lo, eth0: host.eth0.slice(0, 2) };

function addressOf(
  changes: Partial<TicketSource>,
  interfaces: typeof host | typeof onlyIpv6 = host,
) {
  const ticket = nodeTicket(
    {
      nodeId: 5n,
      publicKey: new Uint8Array(32),
      address: "0.0.0.0:4000",
      natType: "unknown",
      reflexAddress: undefined,
      ...changes,
    },
    interfaces,
  );
  return parseTicket(ticket).address;
}

describe("the ticket of a node", () => {
  it("names an address of this host where the node is bound to all", () => {
    expect(addressOf({})).toBe("192.168.7.5:4000");
    expect(addressOf({ address: "[::]:4000" })).toBe("192.168.7.5:4000");
    expect(addressOf({ address: "[::]:4000" }, onlyIpv6)).toBe("[2001:db8::5]:4000");
    expect(addressOf({}, onlyIpv6)).toBe("127.0.0.1:4000");
    expect(addressOf({ address: "127.0.0.2:4000" })).toBe("127.0.0.2:4000");
  });

  it("names the address outside if everybody may come in there", () => {
    const reflexAddress = "203.0.113.9:5000";
    expect(addressOf({ natType: "open", reflexAddress })).toBe(reflexAddress);
    expect(addressOf({ natType: "cone", reflexAddress })).toBe("192.168.7.5:4000");
  });
});
