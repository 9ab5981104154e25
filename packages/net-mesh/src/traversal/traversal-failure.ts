/** Why reaching a peer failed (Net transport format, section 13.8). */
export type TraversalFailureKind =
  | "reflex-timeout"
  | "peer-not-reachable"
  | "transport"
  | "punch-failed"
  | "port-map-unavailable";

/** A failed traversal as a value; `message` is the text every Net implementation gives. */
export interface TraversalFailure {
  readonly kind: TraversalFailureKind;
  readonly message: string;
}

/** @param detail only `transport` carries one */
export function traversalFailure(kind: TraversalFailureKind, detail?: string): TraversalFailure {
  return { kind, message: `traversal: ${kind}${detail === undefined ? "" : `: ${detail}`}` };
}
