import { NetControlError } from "./net-control-error.js";

/** A node id for people: `0x` and 16 hexadecimal digits. */
export function formatNodeId(nodeId: bigint): string {
  return `0x${nodeId.toString(16).padStart(16, "0")}`;
}

/** Reads a node id in hexadecimal behind `0x`, or in decimal. @throws NetControlError `ARGUMENT` */
export function parseNodeId(text: string): bigint {
  const isNumber = /^(?:0x[0-9a-fA-F]{1,16}|[0-9]{1,20})$/.test(text);
  const value = isNumber ? BigInt(text) : -1n;
  if (value < 0n || value >= 2n ** 64n) {
    throw new NetControlError(
      "ARGUMENT",
      `expected a node id such as 0x1f2e3d4c5b6a7988, found ${JSON.stringify(text)}`,
    );
  }
  return value;
}
