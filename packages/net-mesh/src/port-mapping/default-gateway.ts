import { readFile } from "node:fs/promises";
import { endianness } from "node:os";

const ROUTE_TABLE = "/proc/net/route";
const ROUTE_UP = 1;
const ROUTE_HAS_GATEWAY = 2;
const MAX_ROUTES = 1024;
const HEX_ADDRESS = /^[0-9A-F]{8}$/iu;

/**
 * The IPv4 address of this machine's default gateway. Known on Linux only, from the kernel's routing
 * table; elsewhere, and on a machine without one, `undefined`.
 */
export async function defaultGateway(): Promise<string | undefined> {
  if (process.platform !== "linux") {
    return undefined;
  }
  try {
    return gatewayOf(await readFile(ROUTE_TABLE, "latin1"), endianness());
  } catch {
    // Some containers hide the table.
    return undefined;
  }
}

/**
 * The gateway of the default route with the lowest metric.
 *
 * @param table text of `/proc/net/route`, whose addresses are words in the machine's byte order
 */
export function gatewayOf(table: string, byteOrder: "BE" | "LE"): string | undefined {
  let best: { readonly gateway: string; readonly metric: number } | undefined;
  for (const line of table.split("\n", MAX_ROUTES).slice(1)) {
    const [, destination, gateway = "", flagsText = "", , , metricText, mask] = line.split("\t");
    const flags = Number.parseInt(flagsText, 16);
    const metric = Number(metricText);
    const isDefault = destination === "00000000" && mask === "00000000";
    if (
      isDefault &&
      (flags & ROUTE_UP) !== 0 &&
      (flags & ROUTE_HAS_GATEWAY) !== 0 &&
      HEX_ADDRESS.test(gateway) &&
      metric < (best?.metric ?? Number.POSITIVE_INFINITY)
    ) {
      const bytes = [...Buffer.from(gateway, "hex")];
      best = { gateway: (byteOrder === "LE" ? bytes.reverse() : bytes).join("."), metric };
    }
  }
  return best?.gateway;
}
