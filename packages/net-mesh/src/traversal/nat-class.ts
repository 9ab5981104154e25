/** How a node looks from outside (Net transport format, section 13.3). */
export type NatClass = "open" | "cone" | "symmetric" | "unknown";

/** What two nodes do to reach each other (Net transport format, section 13.4). */
export type PairAction = "direct" | "punch" | "skip";

interface Endpoint {
  readonly ip: string;
  readonly port: string;
}

const WILDCARDS: ReadonlySet<string> = new Set(["0.0.0.0", "[::]"]);

const PAIR_ACTIONS: Readonly<Record<NatClass, Readonly<Record<NatClass, PairAction>>>> = {
  open: { open: "direct", cone: "direct", symmetric: "punch", unknown: "direct" },
  cone: { open: "direct", cone: "punch", symmetric: "punch", unknown: "punch" },
  symmetric: { open: "punch", cone: "punch", symmetric: "skip", unknown: "skip" },
  unknown: { open: "direct", cone: "punch", symmetric: "skip", unknown: "direct" },
};

/**
 * Classifies a node by the addresses its peers saw it at.
 *
 * Fewer than two observations say nothing; one that equals the bound address means that nothing
 * translates; one port for everybody is a cone; anything else opens a port per destination.
 *
 * @param reflexes the latest address each peer reported, `ip:port`
 * @param bound the own bound address; a wildcard IP equals any
 */
export function classifyNat(reflexes: readonly string[], bound: string): NatClass {
  if (reflexes.length < 2) {
    return "unknown";
  }
  const own = split(bound);
  const seen = reflexes.map(split);
  if (seen.some(({ ip, port }) => port === own.port && (ip === own.ip || WILDCARDS.has(own.ip)))) {
    return "open";
  }
  return seen.every(({ port }) => port === seen[0]?.port) ? "cone" : "symmetric";
}

/** What a node of class `local` does to reach one of class `remote`. */
export function pairAction(local: NatClass, remote: NatClass): PairAction {
  return PAIR_ACTIONS[local][remote];
}

/** The class a peer announced in its `nat:` tag; `unknown` without one or with another word. */
export function natClassOfTags(tags: Iterable<string>): NatClass {
  for (const tag of tags) {
    if (tag === "nat:open" || tag === "nat:cone" || tag === "nat:symmetric") {
      return tag.slice(4) as NatClass;
    }
  }
  return "unknown";
}

function split(address: string): Endpoint {
  const separator = address.lastIndexOf(":");
  return { ip: address.slice(0, separator), port: address.slice(separator + 1) };
}
