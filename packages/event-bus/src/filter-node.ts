import type { JsonNode } from "./json-node.js";

/** A decoded filter (event bus format, section 7). */
export type FilterNode =
  | { readonly kind: "and" | "or"; readonly terms: readonly FilterNode[] }
  | { readonly kind: "not"; readonly term: FilterNode }
  | { readonly kind: "equal"; readonly path: string; readonly value: JsonNode };
