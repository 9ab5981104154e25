import { Buffer } from "node:buffer";
import type { FilterNode } from "./filter-node.js";
import { type JsonNode, JsonObject } from "./json-node.js";

/**
 * Texts that must all occur in an event for a filter to hold; several such sets are alternatives.
 * An event with a backslash may spell anything differently, so it always may match.
 */
type Alternatives = readonly (readonly string[])[];

/** More alternatives than this are not worth looking for. */
const MOST_ALTERNATIVES = 32;
const BACKSLASH = "\\";

/** Tells, without parsing, that an event cannot match a filter. */
export class Prefilter {
  /** Undefined when every event may match. */
  readonly #alternatives: Alternatives | undefined;
  /** The longest text of every alternative, in UTF-8, and the backslash. */
  readonly #needles: readonly Buffer[] | undefined;

  constructor(filter: FilterNode) {
    const alternatives = required(filter);
    const isUseful =
      alternatives !== undefined &&
      alternatives.length <= MOST_ALTERNATIVES &&
      alternatives.every((texts) => texts.length > 0);
    this.#alternatives = isUseful ? alternatives : undefined;
    this.#needles = this.#alternatives && [
      ...this.#alternatives.map((texts) => Buffer.from(longest(texts))),
      Buffer.from(BACKSLASH),
    ];
  }

  mayMatch(raw: string): boolean {
    if (this.#alternatives === undefined) return true;
    for (const texts of this.#alternatives) {
      if (texts.every((text) => raw.includes(text))) return true;
    }
    return raw.includes(BACKSLASH);
  }

  /**
   * Walks over many events' bytes at once: `next(offset)` is the first offset from there on at
   * which an event that may match lies, or -1. Undefined when every event may match.
   */
  scanner(bytes: Buffer): ((offset: number) => number) | undefined {
    if (this.#needles === undefined) return undefined;
    const needles = this.#needles.map((needle) => ({ needle, at: -2 }));
    return (offset) => {
      let first = -1;
      for (const entry of needles) {
        if (entry.at !== -1 && entry.at < offset) entry.at = bytes.indexOf(entry.needle, offset);
        if (entry.at !== -1 && (first === -1 || entry.at < first)) first = entry.at;
      }
      return first;
    };
  }
}

function longest(texts: readonly string[]): string {
  return texts.reduce((best, text) => (text.length > best.length ? text : best));
}

/** What must occur for `node` to hold; undefined when nothing in particular must. */
function required(node: FilterNode): Alternatives | undefined {
  switch (node.kind) {
    case "equal":
      return [[...inPath(node.path), ...inValue(node.value)]];
    case "not":
      return undefined;
    case "or": {
      const terms = node.terms.map(required);
      return terms.every((term) => term !== undefined) ? terms.flat() : undefined;
    }
    case "and": {
      // Every term must hold, so each one's texts may be asked for; those of one alternative join.
      if (node.terms.length === 0) return [];
      const known = node.terms.map(required).filter((term) => term !== undefined);
      const single = known.filter((term) => term.length === 1).flatMap((term) => term[0] ?? []);
      const choice = known.find((term) => term.length !== 1);
      if (choice !== undefined) return choice.map((texts) => [...texts, ...single]);
      return known.length === 0 ? undefined : [single];
    }
  }
}

function inPath(path: string): readonly string[] {
  if (path === "") return [];
  return path.split(".").flatMap((segment) => (/^\+?[0-9]+$/.test(segment) ? [] : quoted(segment)));
}

function inValue(value: JsonNode): readonly string[] {
  if (typeof value === "string") return quoted(value);
  // An integer has one spelling; a double has many.
  if (typeof value === "bigint") return [value.toString()];
  if (typeof value === "number") return [];
  if (value === null || typeof value === "boolean") return [String(value)];
  if (value instanceof JsonObject) {
    return [...value.members].flatMap(([key, member]) => [...quoted(key), ...inValue(member)]);
  }
  return value.flatMap(inValue);
}

/** A text as it is written without escapes; when it cannot be, an escape must occur. */
function quoted(text: string): readonly string[] {
  const literal = JSON.stringify(text);
  return [literal.includes(BACKSLASH) ? BACKSLASH : literal];
}
