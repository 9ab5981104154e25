import { decodeMembership, encodeMembership, NetChannelError } from "@gaiaftcl/net-channel";
import { TOKEN_BYTES } from "@gaiaftcl/net-identity";
import { readPresented } from "../../../../packages/net-channel/src/token-gate.ts";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claim, claimStable, unlessRefused } from "./claims.ts";
import { vectorBytes } from "./seeds.ts";

const seeds = (): Uint8Array[] => vectorBytes("net-channel/vectors/net-channel.json");

export const targets: readonly FuzzTarget[] = [
  {
    name: "net-channel/membership",
    seeds,
    run(input) {
      const message = decodeMembership(input);
      if (message !== undefined) claimStable(message, encodeMembership, decodeMembership);
    },
  },
  {
    name: "net-channel/presented-tokens",
    seeds: () => vectorBytes("net-identity/vectors/net-identity.json"),
    maxLength: 20 * TOKEN_BYTES,
    share: 0.3,
    run(input) {
      const one = readPresented(input, false);
      const chain = readPresented(input, true);
      claim(one.length <= 1 && chain.length <= 16, "few tokens are looked at");
      claim(one.length === 0 || chain[0]?.issuerHex === one[0]?.issuerHex, "the first is the same");
      unlessRefused(NetChannelError, () => chain.map((token) => token.bytes));
    },
  },
];
