import { BlockList, isIP } from "node:net";
import { NatsBrokerError } from "./nats-broker-error.js";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/**
 * The address to bind for `host`: an address of the loopback interface, or `localhost`, which is not
 * looked up, since a hosts file could send it elsewhere.
 * @throws {NatsBrokerError} `NOT_LOOPBACK` for anything else.
 */
export function loopbackAddress(host: string): string {
  const address = host === "localhost" ? "127.0.0.1" : host;
  const family = isIP(address);
  if (family !== 0 && loopback.check(address, family === 4 ? "ipv4" : "ipv6")) return address;
  throw new NatsBrokerError(
    "NOT_LOOPBACK",
    `expected a loopback address (127.0.0.1, ::1 or localhost), found ${JSON.stringify(host)}; for more than one host run nats-server`,
  );
}
