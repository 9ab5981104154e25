import {
  advanceArguments,
  composeArguments,
  evaluateAllArguments,
  evaluateArguments,
  parseArguments,
  replayArguments,
} from "../../../../packages/substrate/src/verb-arguments.ts";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claim, claimSame } from "./claims.ts";

export const targets: readonly FuzzTarget[] = [
  {
    name: "substrate/verb-arguments",
    seeds: () => [
      `{"session_seed_hex":"${"ab".repeat(32)}","extranonce_count":2,"nonces_per_extranonce":512}`,
      '{"session_id":"session-1","submission_id":"s-1"}',
      '{"algorithm":"leading_zeros","session_id":"session-1"}',
      "{}",
    ],
    dictionary: ["session_id", "submission_id", "algorithm", "__proto__"],
    run(input) {
      let value: unknown;
      try {
        value = JSON.parse(new TextDecoder().decode(input));
      } catch {
        return;
      }
      const compose = parseArguments(composeArguments, value);
      if ("args" in compose) {
        const { extranonce_count: extra, nonces_per_extranonce: nonces } = compose.args;
        claim(extra >= 1 && nonces >= 1 && Number.isInteger(extra * nonces), "counts are counts");
        claimSame(parseArguments(composeArguments, compose.args), compose, "checked arguments");
      }
      for (const schema of [
        replayArguments,
        evaluateArguments,
        evaluateAllArguments,
        advanceArguments,
      ]) {
        const result = parseArguments<unknown>(schema, value);
        if ("refusal" in result)
          claim(result.refusal.status === "refused", "what is wrong is refused");
      }
    },
  },
];
