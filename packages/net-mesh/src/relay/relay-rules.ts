/** The fields of a routing header that decide where a packet goes. */
export interface RoutedHeader {
  readonly ttl: number;
  readonly hopCount: number;
  readonly flags: number;
  /** Low 32 bits of the source's node id. */
  readonly source: number;
  readonly destination: bigint;
}

/** What becomes of a routed packet. */
export type RelayVerdict =
  | { readonly kind: "local" }
  | { readonly kind: "drop"; readonly reason: "expired" | "no-route" | "loop" }
  | { readonly kind: "forward"; readonly to: string; readonly header: RoutedHeader };

const MAX_HOP_COUNT = 255;
/** No packet of a node of any version begins with more than 16; what says so circles no longer for it. */
const MAX_TTL = 64;
const KNOWN_FLAGS = 0x0f;

/**
 * Decides about a routed packet (Net transport format, section 10).
 *
 * @param from where it came from; it is never sent straight back there
 */
export function judgeRouted(
  header: RoutedHeader,
  nodeId: bigint,
  from: string,
  nextHop: (destination: bigint) => string | undefined,
): RelayVerdict {
  if (header.destination === nodeId) {
    return { kind: "local" };
  }
  if (header.ttl === 0) {
    return { kind: "drop", reason: "expired" };
  }
  const to = nextHop(header.destination);
  if (to === undefined) {
    return { kind: "drop", reason: "no-route" };
  }
  if (to === from) {
    return { kind: "drop", reason: "loop" };
  }
  return {
    kind: "forward",
    to,
    header: {
      ...header,
      ttl: Math.min(header.ttl, MAX_TTL) - 1,
      hopCount: Math.min(header.hopCount + 1, MAX_HOP_COUNT),
      flags: header.flags & KNOWN_FLAGS,
    },
  };
}
