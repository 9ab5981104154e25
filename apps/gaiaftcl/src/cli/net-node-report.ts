import { formatNodeId } from "@gaiaftcl/net-control";
import type { PeerEvent, PortMappingView } from "@gaiaftcl/net-mesh";
import type { Session } from "./session.js";

const GONE_TEXTS = {
  silent: "given up: silent for too long",
  closed: "left",
  unproven: "given up: it did not prove that the node id is its own",
} as const;

/** Tells what happens to the peers of a running node: a line for people, a record for programs. */
export function reportPeerEvent(session: Session, event: PeerEvent): void {
  if (event.type === "announced") return;
  const nodeId = formatNodeId(event.peer);
  const { state, detail, text } = described(event);
  session.output.event(
    { kind: "net-peer", derived: { node_id: nodeId, state, ...detail } },
    `${nodeId} ${text}`,
  );
}

/** Tells what becomes of the wish that the gateway forward a port. */
export function reportPortMapping(session: Session, view: PortMappingView): void {
  const { state, protocol = null, externalAddress = null, reason = null } = view;
  if (view.renewals > 0 && view.failures === 0) return;
  session.output.event(
    {
      kind: "net-port-mapping",
      derived: { state, protocol, external_address: externalAddress, reason },
    },
    portMappingText({ state, protocol, externalAddress, reason }),
  );
}

/** One line about a port mapping. */
export function portMappingText(mapping: {
  readonly state: string;
  readonly protocol: string | null;
  readonly externalAddress: string | null;
  readonly reason: string | null;
}): string {
  const { state, protocol, externalAddress, reason } = mapping;
  const why = reason === null ? "" : `: ${reason}`;
  switch (state) {
    case "mapped":
      return `port mapping: the gateway forwards ${externalAddress ?? ""} to this node, by ${protocol ?? ""}${why}`;
    case "searching":
      return "port mapping: asking the gateway";
    case "closed":
      return "port mapping: taken back";
    default:
      return `port mapping: none${why}; forward the port by hand, or have nodes that can be reached relay`;
  }
}

function described(event: Exclude<PeerEvent, { readonly type: "announced" }>): {
  readonly state: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly text: string;
} {
  switch (event.type) {
    case "connected": {
      const { strict, address, relayed } = event;
      const way = relayed ? `over a relay at ${address}` : `at ${address}`;
      return {
        state: "connected",
        detail: { address, strict, relayed },
        text: `connected ${way}${strict ? "" : ", as Net 0.19.0"}`,
      };
    }
    case "disconnected":
      return {
        state: "disconnected",
        detail: { reason: event.reason },
        text: GONE_TEXTS[event.reason],
      };
    case "health":
      return { state: event.to, detail: {}, text: healthText(event.to) };
    case "call-failed": {
      const { reason, failures, nextInMs } = event;
      return {
        state: "unreachable",
        detail: { reason, failures, next_in_ms: Math.round(nextInMs) },
        text: `cannot be reached: ${reason}; trying again in ${Math.ceil(nextInMs / 1000)} s`,
      };
    }
  }
}

function healthText(health: "healthy" | "suspected" | "failed"): string {
  switch (health) {
    case "healthy":
      return "is heard again";
    case "suspected":
      return "has been silent for a while";
    case "failed":
      return "does not answer";
  }
}
