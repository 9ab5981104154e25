import {
  type Dictionary,
  ensureDictionary,
  ensureText,
  ensureU32,
  field,
  isDictionary,
  typeProblem,
} from "./dictionary.js";
import { ensureU8, packLevels, SUBNET_LEVELS, type SubnetId, subnetProblem } from "./subnet.js";

/** One rule: tags that start with a prefix set one level by what follows. */
export interface SubnetRule {
  readonly tagPrefix: string;
  /** 0 to 3. */
  readonly level: number;
  /** The rest of a tag to the value of the level, 1 to 255. */
  readonly values: ReadonlyMap<string, number>;
}

/** Which subnet a peer belongs to, by its tags (Net identity format, section 11.2). */
export interface SubnetPolicy {
  readonly rules: readonly SubnetRule[];
}

/**
 * The subnet of a peer with these tags. Rules in order; for each, the first tag in ascending order
 * whose rest has a value sets the level, and a later rule overwrites. No level set means global.
 *
 * @param tags ascending by UTF-8 bytes, as in a `CapabilitySet`
 */
export function assignSubnet(policy: SubnetPolicy, tags: readonly string[]): SubnetId {
  const levels = [0, 0, 0, 0];
  for (const { tagPrefix, level, values } of policy.rules) {
    for (const tag of tags) {
      if (!tag.startsWith(tagPrefix)) continue;
      const value = values.get(tag.slice(tagPrefix.length));
      if (value === undefined) continue;
      levels[level] = value;
      break;
    }
  }
  return packLevels(levels);
}

/**
 * A policy from the reference's dictionary:
 * `{ rules: [{ tag_prefix, level, values: { <rest of the tag>: 1..255 } }] }`. Without rules, and
 * in a rule without values, nothing is assigned.
 *
 * @throws NetCapabilityError `SUBNET` or `TYPE` with the texts of section 11.4, or `RANGE`
 */
export function readSubnetPolicy(dictionary: unknown): SubnetPolicy {
  const rules = field(ensureDictionary(dictionary, "subnet_policy"), "rules");
  if (rules === undefined) return { rules: [] };
  if (!Array.isArray(rules)) throw typeProblem("subnet: 'rules' must be a list");
  return {
    rules: rules.map((rule: unknown) => {
      if (!isDictionary(rule)) throw typeProblem("subnet: each rule must be a dict");
      return readRule(rule);
    }),
  };
}

function readRule(rule: Dictionary): SubnetRule {
  const tagPrefix = ensureText(required(rule, "tag_prefix"), "tag_prefix");
  const level = ensureU8(ensureU32(required(rule, "level"), "level"), "rule level");
  if (level >= SUBNET_LEVELS) throw subnetProblem(`rule level must be 0..=3, got ${level}`);
  return { tagPrefix, level, values: readValues(field(rule, "values")) };
}

/** A key that is there; one with `null` is there too, and of the wrong type. */
function required(rule: Dictionary, key: string): unknown {
  if (Object.hasOwn(rule, key)) return rule[key];
  throw subnetProblem(`rule missing '${key}'`);
}

function readValues(values: unknown): ReadonlyMap<string, number> {
  if (values === undefined) return new Map();
  if (!isDictionary(values)) throw typeProblem("subnet: rule 'values' must be a dict");
  return new Map(
    Object.entries(values).map(([key, item]) => {
      ensureText(key, "values");
      const value = ensureU8(ensureU32(item, `values.${key}`), `rule value for ${key}`);
      if (value === 0) {
        throw subnetProblem(`rule value for ${debugQuote(key)} must be in 1..=255 (0 is reserved)`);
      }
      return [key, value];
    }),
  );
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\0": "\\0",
};

/** What does not show, or hangs on to what is before it; the space is a blank that shows. */
const UNSEEN = /(?! )["\\\p{C}\p{Z}\p{Grapheme_Extend}]/gu;

/** Quotes a text as the reference quotes the key in this one message. */
function debugQuote(text: string): string {
  const body = text.replace(
    UNSEEN,
    (character) => ESCAPES[character] ?? `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
  return `"${body}"`;
}
