import { CanonicalJsonError, decode, encode, encodePortable } from "@gaiaftcl/canonical-json";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claim, claimSame, unlessRefused } from "./claims.ts";
import { vectorTexts } from "./seeds.ts";

const seeds = (): string[] => [
  ...vectorTexts("canonical-json/vectors/frames.json"),
  '{"a":[1,-0,1.5e300,9007199254740993],"\\u00e9":"\\ud83d\\ude00","__proto__":null}',
  '[true,false,null,"\\\\\\"\\/\\b\\f\\n\\r\\t"]',
];

export const targets: readonly FuzzTarget[] = [
  {
    name: "canonical-json/decode",
    seeds,
    dictionary: ["\\ud83d", "\\ude00", "__proto__", "constructor", "1e400", "-0"],
    run(input) {
      const value = unlessRefused(CanonicalJsonError, () => decode(input));
      const exact = unlessRefused(CanonicalJsonError, () => decode(input, { bigints: "bigint" }));
      const canonical = unlessRefused(CanonicalJsonError, () => decode(input, { canonical: true }));
      claim(value === undefined || exact !== undefined, "what is accepted is with bigints, too");
      if (value === undefined) {
        claim(canonical === undefined, "what is refused is not canonical");
        return;
      }
      const text = new TextDecoder("utf-8", { fatal: true }).decode(input);
      claimSame(JSON.stringify(value), JSON.stringify(JSON.parse(text)), "what JSON.parse gives");
      claimSame(decode(text), value, "the value of the text");
      const encoded = unlessRefused(CanonicalJsonError, () => encode(value));
      if (encoded === undefined) return;
      claimSame(encode(decode(encoded)), encoded, "the canonical text");
      claim((canonical !== undefined) === (encoded === text), "canonical is what encode writes");
      const portable = unlessRefused(CanonicalJsonError, () => encodePortable(value));
      if (portable !== undefined) claimSame(portable, encoded, "the portable text");
    },
  },
];
