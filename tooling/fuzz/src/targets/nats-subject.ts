import {
  collides,
  isPattern,
  isQueueName,
  isSubject,
  isSubset,
  isWirePattern,
  isWireSubject,
  matches,
  NatsSubjectError,
} from "@gaiaftcl/nats-subject";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claim, claimSame, unlessRefused } from "./claims.ts";
import { vectorTexts } from "./seeds.ts";

export const targets: readonly FuzzTarget[] = [
  {
    name: "nats-subject/match",
    seeds: () => [
      ...vectorTexts("nats-subject/vectors/subject-cases.json"),
      "a.*.c\na.b.>",
      "a.>\na.b",
      "*.*\n>",
    ],
    maxLength: 200,
    run(input) {
      const [left = "", right = ""] = new TextDecoder().decode(input).split("\n");
      isQueueName(left);
      claim(!isSubject(left) || (isPattern(left) && isWireSubject(left)), "a subject is a pattern");
      claim(!isPattern(left) || isWirePattern(left), "a pattern can be on the wire");
      unlessRefused(NatsSubjectError, () => {
        if (!isPattern(left) || !isPattern(right)) return;
        claim(collides(left, right) === collides(right, left), "collision goes both ways");
        claim(isSubset(left, left), "a pattern is a subset of itself");
        if (isSubset(left, right)) claim(collides(left, right), "a subset collides");
        if (isSubject(right)) claimSame(matches(left, right), collides(left, right), "a match");
      });
    },
  },
];
