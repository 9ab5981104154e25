/** What a gateway is asked for: UDP to `internalPort` of this machine, for a while. */
export interface MappingRequest {
  readonly internalPort: number;
  /** The port wanted outside; the gateway may give another. */
  readonly externalPort: number;
  readonly lifetimeSeconds: number;
}

export interface Mapping {
  /** `ip:port` outside. */
  readonly externalAddress: string;
  readonly externalPort: number;
  readonly lifetimeSeconds: number;
}

/** Gateways refuse, lie and keep silent: that is a value, never an exception. */
export type MappingOutcome =
  | { readonly ok: true; readonly mapping: Mapping }
  | { readonly ok: false; readonly reason: string };

export type MappingProtocol = "nat-pmp" | "upnp";

/** One protocol to one gateway. Calls follow one another; none runs beside another. */
export interface PortMapper {
  readonly protocol: MappingProtocol;
  /** Asks for a mapping, or for more time for the one there is. Ends within a few seconds. */
  map(request: MappingRequest, signal: AbortSignal): Promise<MappingOutcome>;
  /** Takes back what the gateway has, or may have though its answer was lost; says nothing when there is nothing. */
  unmap(): Promise<void>;
}

export function failed(reason: string): MappingOutcome {
  return { ok: false, reason };
}
