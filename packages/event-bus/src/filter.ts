import { Buffer } from "node:buffer";
import { EventBusError } from "./event-bus-error.js";
import type { FilterNode } from "./filter-node.js";
import { equalNodes, type JsonNode, JsonObject } from "./json-node.js";
import { type JsonFault, JsonFaultResult, parseJson } from "./json-parser.js";
import { Prefilter } from "./prefilter.js";

/** Filters in the form users write in TypeScript; `value` is any JSON value, bigint included. */
export type FilterInput =
  | { readonly $and: readonly FilterInput[] }
  | { readonly $or: readonly FilterInput[] }
  | { readonly $not: FilterInput }
  | { readonly $eq: FilterEquality | readonly [path: string, value: FilterValue] }
  | FilterEquality;

export interface FilterEquality {
  readonly path: string;
  readonly value: FilterValue;
}

export type FilterValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly FilterValue[]
  | { readonly [key: string]: FilterValue };

/** A filter ready to be applied to the text of events. */
export class Filter {
  readonly prefilter: Prefilter;
  readonly #node: FilterNode;

  private constructor(node: FilterNode) {
    this.#node = node;
    this.prefilter = new Prefilter(node);
  }

  /**
   * @param input the JSON text of a filter, or the same as a value. In a value a whole `number` is
   * an integer; for a double without fraction (1.0) write the filter as text.
   * @throws EventBusError `INVALID_FILTER`
   */
  static parse(input: string | FilterInput): Filter {
    const text = typeof input === "string" ? input : encodeFilter(input);
    const parsed = parseJson(text);
    // The reference matches the grammar before it looks for something behind the value.
    const isTrailing =
      parsed instanceof JsonFaultResult && parsed.fault.reason === "trailing characters";
    const root = isTrailing ? parseJson(text.slice(0, parsed.fault.offset)) : parsed;
    if (root instanceof JsonFaultResult) throw invalid(describe(text, root.fault));
    const node = decode(root);
    if (node === undefined) {
      throw invalid(
        "data did not match any variant of untagged enum Filter: expected $and, $or, $not, $eq, or path and value",
      );
    }
    if (isTrailing) throw invalid(describe(text, parsed.fault));
    return new Filter(node);
  }

  /** Whether an event's JSON text matches. A text that cannot be read completely never does. */
  matches(raw: string): boolean {
    if (!this.prefilter.mayMatch(raw)) return false;
    const event = parseJson(raw);
    return !(event instanceof JsonFaultResult) && holds(this.#node, event);
  }
}

function decode(node: JsonNode): FilterNode | undefined {
  if (!(node instanceof JsonObject)) return undefined;
  for (const [key, kind] of [
    ["$and", "and"],
    ["$or", "or"],
  ] as const) {
    const terms = decodeAll(node.single(key));
    if (terms !== undefined) return { kind, terms };
  }
  const negated = node.single("$not");
  const term = negated === undefined ? undefined : decode(negated);
  if (term !== undefined) return { kind: "not", term };
  return equality(node.single("$eq"), true) ?? equality(node, false);
}

function decodeAll(node: JsonNode | undefined): readonly FilterNode[] | undefined {
  if (!Array.isArray(node)) return undefined;
  const terms: FilterNode[] = [];
  for (const item of node as readonly JsonNode[]) {
    const term = decode(item);
    if (term === undefined) return undefined;
    terms.push(term);
  }
  return terms;
}

function equality(node: JsonNode | undefined, mayBePair: boolean): FilterNode | undefined {
  let path: JsonNode | undefined;
  let value: JsonNode | undefined;
  if (node instanceof JsonObject) {
    path = node.single("path");
    value = node.single("value");
  } else if (mayBePair && Array.isArray(node) && node.length === 2) {
    [path, value] = node as readonly JsonNode[];
  }
  if (typeof path !== "string" || value === undefined) return undefined;
  return { kind: "equal", path, value };
}

function holds(node: FilterNode, event: JsonNode): boolean {
  switch (node.kind) {
    case "and":
      return node.terms.length > 0 && node.terms.every((term) => holds(term, event));
    case "or":
      return node.terms.some((term) => holds(term, event));
    case "not":
      return !holds(node.term, event);
    case "equal": {
      const found = resolve(event, node.path);
      return found !== undefined && equalNodes(found, node.value);
    }
  }
}

/** The value at a path: `""` is the whole event, segments are object keys or array indices. */
function resolve(event: JsonNode, path: string): JsonNode | undefined {
  if (path === "") return event;
  let node: JsonNode | undefined = event;
  for (const segment of path.split(".")) {
    if (node instanceof JsonObject) node = node.members.get(segment);
    else if (Array.isArray(node) && /^\+?[0-9]+$/.test(segment)) node = node[Number(segment)];
    else return undefined;
    if (node === undefined) return undefined;
  }
  return node;
}

function encodeFilter(input: FilterInput): string {
  return encodeValue(input as unknown as FilterValue);
}

function encodeValue(value: FilterValue | undefined): string {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") {
    if (Number.isFinite(value)) return Object.is(value, -0) ? "-0" : String(value);
    throw invalid(`${value} is not a JSON number`);
  }
  if (value === null || typeof value === "boolean" || typeof value === "string") {
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(encodeValue).join(",")}]`;
  if (typeof value === "object") {
    const members = Object.entries(value).map(
      ([key, member]) => `${JSON.stringify(key)}:${encodeValue(member)}`,
    );
    return `{${members.join(",")}}`;
  }
  throw invalid(`a ${typeof value} is not a JSON value`);
}

/** The reason and where: line from 1, column in bytes of the line. */
function describe(text: string, { reason, offset }: JsonFault): string {
  const isEnd = offset >= text.length;
  const before = text.slice(0, isEnd ? offset : offset + 1);
  const lineStart = before.lastIndexOf("\n") + 1;
  const line = before.split("\n").length;
  return `${reason} at line ${line} column ${Buffer.byteLength(before.slice(lineStart))}`;
}

function invalid(what: string): EventBusError {
  return new EventBusError("INVALID_FILTER", `invalid filter: ${what}`);
}
