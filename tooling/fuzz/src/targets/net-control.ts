import {
  formatNodeId,
  formatTicket,
  NetControlError,
  parseNodeId,
  parseTicket,
} from "@gaiaftcl/net-control";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claim, claimSame, unlessRefused } from "./claims.ts";

export const targets: readonly FuzzTarget[] = [
  {
    name: "net-control/ticket",
    seeds: () => [
      formatTicket({
        nodeId: 255n,
        address: "127.0.0.1:9000",
        publicKey: new Uint8Array(32).fill(7),
      }),
      formatTicket({ nodeId: 2n ** 64n - 1n, address: "[::1]:1", publicKey: new Uint8Array(32) }),
      "0xff",
      "255",
    ],
    maxLength: 300,
    run(input) {
      const text = new TextDecoder().decode(input);
      const ticket = unlessRefused(NetControlError, () => parseTicket(text));
      if (ticket) claimSame(parseTicket(formatTicket(ticket)), ticket, "a ticket");
      const nodeId = unlessRefused(NetControlError, () => parseNodeId(text));
      if (nodeId === undefined) return;
      claim(nodeId >= 0n && nodeId < 1n << 64n, "a node id is a u64");
      claimSame(parseNodeId(formatNodeId(nodeId)), nodeId, "a node id");
    },
  },
];
