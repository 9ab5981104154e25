import {
  openReply,
  openRequest,
  opensCancellation,
  sealCancellation,
  sealReply,
  sealRequest,
  verbOfSubject,
} from "@gaiaftcl/substrate-command";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claim } from "./claims.ts";

const key = new Uint8Array(32).fill(1);
const nonce = "0f".repeat(16);
const real = [
  sealRequest(key, {
    method: "heartbeat",
    args: { a: [1, "x", null] },
    requestId: "r",
    operatorContext: "alice",
    issuedAtMs: 1,
    nonce,
  }),
  sealReply(key, nonce, { status: "ok" }),
  sealCancellation(key, nonce),
].map((bytes) => Buffer.from(bytes));

export const targets: readonly FuzzTarget[] = [
  {
    name: "substrate-command/envelope",
    seeds: () => real,
    run(input) {
      const opened = [
        openRequest(key, input).ok,
        openReply(key, nonce, input).ok,
        opensCancellation(key, nonce, input),
      ];
      verbOfSubject(new TextDecoder().decode(input));
      // Nobody without the key makes one; another spelling of the same members is one, too.
      for (const [index, isOpen] of opened.entries()) {
        claim(!isOpen || hasMacOf(input, real[index]), "only what was sealed opens");
      }
    },
  },
];

function hasMacOf(input: Uint8Array, sealed: Buffer | undefined): boolean {
  const { mac } = JSON.parse(sealed?.toString() ?? "{}") as { readonly mac?: string };
  return mac !== undefined && new TextDecoder().decode(input).includes(mac.slice(0, 4));
}
