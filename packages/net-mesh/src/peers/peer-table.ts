/** What the table needs to know of a peer. */
export interface TabledPeer {
  readonly nodeId: bigint;
  readonly sessionId: bigint;
  /** Where its datagrams go: its own address, or that of the relay before it. */
  readonly address: string;
  /** Whether `address` is a relay's and packets need a routing header. */
  readonly isRelayed: boolean;
}

/** Peers with a session, by node id, by session id and by address. */
export class PeerTable<P extends TabledPeer> {
  readonly #byId = new Map<bigint, P>();
  readonly #bySession = new Map<bigint, P>();
  /** Peers reached without a relay only: a relay's address stands for the relay. */
  readonly #byAddress = new Map<string, P>();

  get size(): number {
    return this.#byId.size;
  }

  /** Adds `peer`; a former entry of its node id, and its session, go. */
  add(peer: P): void {
    this.remove(peer.nodeId);
    this.#byId.set(peer.nodeId, peer);
    this.#bySession.set(peer.sessionId, peer);
    if (!peer.isRelayed) {
      this.#byAddress.set(peer.address, peer);
    }
  }

  remove(nodeId: bigint): P | undefined {
    const peer = this.#byId.get(nodeId);
    if (peer === undefined) {
      return undefined;
    }
    this.#byId.delete(nodeId);
    if (this.#bySession.get(peer.sessionId) === peer) {
      this.#bySession.delete(peer.sessionId);
    }
    if (this.#byAddress.get(peer.address) === peer) {
      this.#byAddress.delete(peer.address);
    }
    return peer;
  }

  /** Notes that `peer`, reached without a relay, has another address now; `change` sets it. */
  move(peer: P, change: () => void): void {
    if (this.#byAddress.get(peer.address) === peer) {
      this.#byAddress.delete(peer.address);
    }
    change();
    this.#byAddress.set(peer.address, peer);
  }

  get(nodeId: bigint): P | undefined {
    return this.#byId.get(nodeId);
  }

  at(address: string): P | undefined {
    return this.#byAddress.get(address);
  }

  withSession(sessionId: bigint): P | undefined {
    return this.#bySession.get(sessionId);
  }

  values(): IterableIterator<P> {
    return this.#byId.values();
  }
}
