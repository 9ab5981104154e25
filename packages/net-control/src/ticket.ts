import { NetControlError } from "./net-control-error.js";
import { formatNodeId, parseNodeId } from "./node-id-text.js";

/** All another node needs, beside the pre-shared key, to join the one that gave it out. */
export interface Ticket {
  readonly nodeId: bigint;
  /** `ip:port` or `[ip]:port`. */
  readonly address: string;
  /** The Noise key, 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** A ticket as one word: `net://<node id>@<address>/<public key in hexadecimal>`. It holds nothing secret. */
export function formatTicket({ nodeId, address, publicKey }: Ticket): string {
  return `net://${formatNodeId(nodeId)}@${address}/${Buffer.from(publicKey).toString("hex")}`;
}

/** Reads a ticket. @throws NetControlError `ARGUMENT` */
export function parseTicket(text: string): Ticket {
  const [, nodeId, address, publicKey] =
    /^net:\/\/([^@/]+)@([^@/]+)\/([0-9a-fA-F]{64})$/.exec(text) ?? [];
  if (nodeId === undefined || address === undefined || publicKey === undefined) {
    throw new NetControlError(
      "ARGUMENT",
      `expected a ticket, net://<node id>@<address>/<64 hexadecimal digits>, found ${JSON.stringify(text)}; the node to be joined prints one when it starts`,
    );
  }
  return {
    nodeId: parseNodeId(nodeId),
    address,
    publicKey: new Uint8Array(Buffer.from(publicKey, "hex")),
  };
}
