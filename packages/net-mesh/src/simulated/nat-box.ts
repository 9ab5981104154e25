/**
 * How a translator behaves (RFC 4787 gives the terms): the first three keep one public port per
 * inside socket (endpoint-independent mapping) and differ in whom they let in; `symmetric` opens a
 * port of its own for each destination and lets in only that destination.
 */
export type NatKind = "full-cone" | "address-restricted" | "port-restricted" | "symmetric";

interface Mapping {
  readonly inside: string;
  readonly publicPort: number;
  readonly contacted: Set<string>;
  usedAt: number;
}

export interface NatBoxOptions {
  readonly kind: NatKind;
  /** Its address on the outside, without a port. */
  readonly publicIp: string;
  /** The first public port it gives away; the next mappings take the following ones. */
  readonly firstPort?: number;
  /** How long a mapping lives without outbound traffic, in milliseconds (RFC 4787 asks for two minutes). */
  readonly idleMs?: number;
  /** Whether inside hosts reach each other by their public addresses. */
  readonly hairpin?: boolean;
}

/** A network address translator in memory: rewrites the source of what leaves and decides what may enter. */
export class NatBox {
  readonly kind: NatKind;
  readonly publicIp: string;
  readonly hairpin: boolean;
  readonly #idleMs: number;
  readonly #byOrigin = new Map<string, Mapping>();
  readonly #byPort = new Map<number, Mapping>();
  #nextPort: number;

  constructor(options: NatBoxOptions) {
    this.kind = options.kind;
    this.publicIp = options.publicIp;
    this.hairpin = options.hairpin ?? false;
    this.#idleMs = options.idleMs ?? 120_000;
    this.#nextPort = options.firstPort ?? 40_000;
  }

  /** The public source address of a datagram from `inside` to `destination`; opens or refreshes the mapping. */
  outbound(inside: string, destination: string, now: number): string {
    const origin = this.kind === "symmetric" ? `${inside} ${destination}` : inside;
    let mapping = this.#byOrigin.get(origin);
    if (mapping === undefined || this.#isStale(mapping, now)) {
      if (mapping !== undefined) {
        this.#byPort.delete(mapping.publicPort);
      }
      mapping = { inside, publicPort: this.#nextPort, contacted: new Set(), usedAt: now };
      this.#nextPort += 1;
      this.#byOrigin.set(origin, mapping);
      this.#byPort.set(mapping.publicPort, mapping);
    }
    mapping.usedAt = now;
    mapping.contacted.add(this.#filterKey(destination));
    return `${this.publicIp}:${mapping.publicPort}`;
  }

  /** The inside address a datagram from `source` to the public `port` reaches, or undefined when it is filtered. */
  inbound(source: string, port: number, now: number): string | undefined {
    const mapping = this.#byPort.get(port);
    if (mapping === undefined || this.#isStale(mapping, now)) {
      return undefined;
    }
    const isOpen = this.kind === "full-cone" || mapping.contacted.has(this.#filterKey(source));
    return isOpen ? mapping.inside : undefined;
  }

  /** Forgets every mapping, as a restart of the device does. */
  restart(): void {
    this.#byOrigin.clear();
    this.#byPort.clear();
  }

  #filterKey(address: string): string {
    return this.kind === "address-restricted"
      ? address.slice(0, address.lastIndexOf(":"))
      : address;
  }

  #isStale(mapping: Mapping, now: number): boolean {
    return now - mapping.usedAt > this.#idleMs;
  }
}
