import type { CapabilitySet } from "./capability-set.js";
import type { AxisKey, Predicate, PredicateLeaf, PredicateNode } from "./predicate.js";
import { parseTag } from "./tag.js";
import { compareVersions, isCompatibleVersion, parseVersion, type Version } from "./version.js";

/** The decimal numbers the reference reads; `Number` alone would also take blanks and hex. */
const DECIMAL = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

/**
 * Whether a set meets a predicate (Net identity format, section 13.3). `exists` asks for any tag of
 * the key, every other leaf for a tag with a value that satisfies it.
 */
export function matchesPredicate(set: CapabilitySet, predicate: Predicate): boolean {
  const results: boolean[] = [];
  for (const node of predicate.nodes) results.push(evaluate(node, set, results));
  return results[predicate.root] ?? false;
}

/** Children come first, so that their results are there, and each is found once. */
function evaluate(node: PredicateNode, set: CapabilitySet, results: readonly boolean[]): boolean {
  switch (node.kind) {
    case "and":
      return node.children.every((child) => results[child] === true);
    case "or":
      return node.children.some((child) => results[child] === true);
    case "not":
      return results[node.child] === false;
    default:
      return leafHolds(node, set);
  }
}

function leafHolds(leaf: PredicateLeaf, set: CapabilitySet): boolean {
  switch (leaf.kind) {
    case "exists":
      return valuesOf(set, leaf.key).length > 0;
    case "metadata_exists":
      return set.metadata.has(leaf.key);
    case "metadata_equals":
      return set.metadata.get(leaf.key) === leaf.value;
    case "metadata_matches":
      return set.metadata.get(leaf.key)?.includes(leaf.pattern) === true;
    case "metadata_numeric_at_least":
      return parseNumber(set.metadata.get(leaf.key) ?? "") >= leaf.threshold;
    default:
      return valuesOf(set, leaf.key).some(
        (value) => value !== undefined && valueHolds(leaf, value),
      );
  }
}

type ValueLeaf = Exclude<PredicateLeaf, { readonly kind: "exists" } | { readonly key: string }>;

function valueHolds(leaf: ValueLeaf, value: string): boolean {
  switch (leaf.kind) {
    case "equals":
      return value === leaf.value;
    case "numeric_at_least":
      return parseNumber(value) >= leaf.threshold;
    case "numeric_at_most":
      return parseNumber(value) <= leaf.threshold;
    case "numeric_in_range": {
      const number = parseNumber(value);
      return number >= leaf.min && number <= leaf.max;
    }
    case "string_prefix":
      return value.startsWith(leaf.prefix);
    case "string_matches":
      return value.includes(leaf.pattern);
    case "semver_at_least":
      return versionsHold(
        value,
        leaf.version,
        (found, wanted) => compareVersions(found, wanted) >= 0,
      );
    case "semver_at_most":
      return versionsHold(
        value,
        leaf.version,
        (found, wanted) => compareVersions(found, wanted) <= 0,
      );
    case "semver_compatible":
      return versionsHold(value, leaf.version, isCompatibleVersion);
  }
}

/** The values of the tags of a key; `undefined` for one without. */
function valuesOf(set: CapabilitySet, { axis, key }: AxisKey): readonly (string | undefined)[] {
  const prefix = `${axis}.${key}`;
  return set.tags.flatMap((text) => {
    if (!text.startsWith(prefix)) return [];
    const tag = parseTag(text);
    if (tag.kind === "presence" && tag.key === key) return [undefined];
    return tag.kind === "value" && tag.key === key ? [tag.value] : [];
  });
}

function versionsHold(
  found: string,
  wanted: string,
  holds: (found: Version, wanted: Version) => boolean,
): boolean {
  const left = parseVersion(found);
  const right = parseVersion(wanted);
  return left !== undefined && right !== undefined && holds(left, right);
}

/** A number, or `NaN`, with which no comparison holds. */
function parseNumber(text: string): number {
  if (DECIMAL.test(text)) return Number(text);
  const infinite = INFINITE.exec(text);
  if (infinite === null) return Number.NaN;
  return infinite[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}
