import { CanonicalJsonError, decode } from "@gaiaftcl/canonical-json";
import { type Dictionary, isDictionary } from "./dictionary.js";
import { NetCapabilityError } from "./net-capability-error.js";
import { AXES, type Axis } from "./tag.js";

/** The largest predicate a request carries, in bytes. */
export const MAX_PREDICATE_BYTES = 4096;

/** The key of an axis tag. */
export interface AxisKey {
  readonly axis: Axis;
  readonly key: string;
}

/** A condition on the tags of one key, or on one text of the metadata. */
export type PredicateLeaf =
  | { readonly kind: "exists"; readonly key: AxisKey }
  | { readonly kind: "equals"; readonly key: AxisKey; readonly value: string }
  | {
      readonly kind: "numeric_at_least" | "numeric_at_most";
      readonly key: AxisKey;
      readonly threshold: number;
    }
  | {
      readonly kind: "numeric_in_range";
      readonly key: AxisKey;
      readonly min: number;
      readonly max: number;
    }
  | {
      readonly kind: "semver_at_least" | "semver_at_most" | "semver_compatible";
      readonly key: AxisKey;
      readonly version: string;
    }
  | { readonly kind: "string_prefix"; readonly key: AxisKey; readonly prefix: string }
  | { readonly kind: "string_matches"; readonly key: AxisKey; readonly pattern: string }
  | { readonly kind: "metadata_exists"; readonly key: string }
  | { readonly kind: "metadata_equals"; readonly key: string; readonly value: string }
  | { readonly kind: "metadata_matches"; readonly key: string; readonly pattern: string }
  | {
      readonly kind: "metadata_numeric_at_least";
      readonly key: string;
      readonly threshold: number;
    };

/** A leaf, or a combination of nodes before it, named by their indices. */
export type PredicateNode =
  | PredicateLeaf
  | { readonly kind: "and" | "or"; readonly children: readonly number[] }
  | { readonly kind: "not"; readonly child: number };

/**
 * A predicate over a capability set (Net identity format, section 13.3): nodes, each after its
 * children, and the index of the one that decides.
 */
export interface Predicate {
  readonly nodes: readonly PredicateNode[];
  readonly root: number;
}

/** The bytes of a predicate, as the value of an RPC request's header `net-where`. */
export function encodePredicate(predicate: Predicate): Uint8Array {
  const { nodes, root } = predicate;
  const bytes = new TextEncoder().encode(JSON.stringify({ nodes, root_idx: root }));
  decodePredicate(bytes);
  return bytes;
}

/**
 * Reads a predicate. Unknown keys are ignored; an unknown kind or axis, a child that is not before
 * its parent, a value of another type and a key that repeats are refused.
 *
 * @throws NetCapabilityError `PREDICATE`
 */
export function decodePredicate(bytes: Uint8Array): Predicate {
  if (bytes.length > MAX_PREDICATE_BYTES) {
    throw refusal(`at most ${MAX_PREDICATE_BYTES} bytes`, `${bytes.length}`);
  }
  const value = parseJson(bytes);
  if (!isDictionary(value)) throw refusal("an object", typeof value);
  const nodes = ensureList(own(value, "nodes"), "nodes").map(readNode);
  return { nodes, root: ensureIndex(own(value, "root_idx"), nodes.length, "root_idx") };
}

function readNode(value: unknown, index: number): PredicateNode {
  const where = `nodes[${index}]`;
  if (!isDictionary(value)) throw refusal(`an object as ${where}`, typeof value);
  const text = (name: string): string => ensureText(own(value, name), `${where}.${name}`);
  const number = (name: string): number => ensureNumber(own(value, name), `${where}.${name}`);
  const key = (): AxisKey => ensureAxisKey(own(value, "key"), `${where}.key`);
  const kind = own(value, "kind");
  switch (kind) {
    case "exists":
      return { kind, key: key() };
    case "equals":
      return { kind, key: key(), value: text("value") };
    case "numeric_at_least":
    case "numeric_at_most":
      return { kind, key: key(), threshold: number("threshold") };
    case "numeric_in_range":
      return { kind, key: key(), min: number("min"), max: number("max") };
    case "semver_at_least":
    case "semver_at_most":
    case "semver_compatible":
      return { kind, key: key(), version: text("version") };
    case "string_prefix":
      return { kind, key: key(), prefix: text("prefix") };
    case "string_matches":
      return { kind, key: key(), pattern: text("pattern") };
    case "metadata_exists":
      return { kind, key: text("key") };
    case "metadata_equals":
      return { kind, key: text("key"), value: text("value") };
    case "metadata_matches":
      return { kind, key: text("key"), pattern: text("pattern") };
    case "metadata_numeric_at_least":
      return { kind, key: text("key"), threshold: number("threshold") };
    case "and":
    case "or": {
      const children = ensureList(own(value, "children"), `${where}.children`);
      return { kind, children: children.map((child) => ensureIndex(child, index, where)) };
    }
    case "not":
      return { kind, child: ensureIndex(own(value, "child"), index, where) };
    default:
      throw refusal(`a known kind as ${where}.kind`, JSON.stringify(kind) ?? "none");
  }
}

function ensureAxisKey(value: unknown, where: string): AxisKey {
  if (!isDictionary(value)) throw refusal(`an object as ${where}`, typeof value);
  const name = own(value, "axis");
  const axis = AXES.find((candidate) => candidate === name);
  if (axis === undefined) throw refusal(`one of ${AXES.join(", ")} as ${where}.axis`, `${name}`);
  return { axis, key: ensureText(own(value, "key"), `${where}.key`) };
}

function ensureIndex(value: unknown, end: number, where: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < end) {
    return value;
  }
  throw refusal(`the index of a node before ${end} in ${where}`, `${value}`);
}

function ensureList(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw refusal(`a list as ${where}`, typeof value);
}

function ensureText(value: unknown, where: string): string {
  if (typeof value === "string") return value;
  throw refusal(`a string as ${where}`, typeof value);
}

function ensureNumber(value: unknown, where: string): number {
  if (typeof value === "number") return value;
  // The reference reads thresholds as doubles, however many digits they have.
  if (typeof value === "bigint") return Number(value);
  throw refusal(`a number as ${where}`, typeof value);
}

function own(value: Dictionary, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return decode(bytes, { bigints: "bigint" });
  } catch (error) {
    if (!(error instanceof CanonicalJsonError)) throw error;
    throw new NetCapabilityError("PREDICATE", `expected a predicate in JSON: ${error.message}`, {
      cause: error,
    });
  }
}

function refusal(expected: string, found: string): NetCapabilityError {
  return new NetCapabilityError("PREDICATE", `expected ${expected}, found ${found}`);
}
