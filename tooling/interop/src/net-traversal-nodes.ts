import { CapabilitySet } from "@gaiaftcl/net-capability";
import { MeshNode, type MeshNodeOptions } from "@gaiaftcl/net-mesh";
import { until } from "@gaiaftcl/peers";
import { MeshPeer, PSK } from "./net-mesh-peer.ts";

/** How a node sees itself from outside. */
export interface View {
  readonly natClass: string;
  readonly reflex: string | undefined;
}

export interface TraversalCounts {
  readonly attempted: number;
  readonly succeeded: number;
  readonly fallbacks: number;
}

/** A node of either implementation, so that one test can put each in each place. */
export interface AnyNode extends AsyncDisposable {
  readonly kind: Kind;
  readonly address: string;
  readonly nodeId: bigint;
  readonly publicKey: Uint8Array;
  /** Connects to `other` at `address`, which may stand for it on this side of a translator. */
  connect(other: AnyNode, address?: string): Promise<void>;
  /** Lets `other` connect; the returned function waits until it did and gives the address it came from. */
  accept(other: AnyNode): Promise<() => Promise<string>>;
  announce(tag: string): Promise<void>;
  /** Nodes whose announcements with this tag are known here. */
  find(tag: string): Promise<readonly bigint[]>;
  view(): Promise<View>;
  /** The class that `other` announced. */
  announcedClass(other: AnyNode): Promise<string>;
  reclassify(): Promise<View>;
  setReflexOverride(address: string): Promise<void>;
  clearReflexOverride(): Promise<void>;
  probeReflex(other: AnyNode): Promise<string>;
  connectDirect(other: AnyNode, coordinator: AnyNode): Promise<void>;
  traversalCounts(): Promise<TraversalCounts>;
  send(to: AnyNode, stream: bigint, text: string): Promise<void>;
  /** Every event since the node began, in order of arrival. */
  received(): Promise<readonly string[]>;
}

export type Kind = "ours" | "wheel";

export const QUICK = { heartbeatIntervalMs: 200, sessionTimeoutMs: 2000 };

class Ours implements AnyNode {
  readonly kind = "ours";
  readonly node: MeshNode;
  readonly #received: string[] = [];

  constructor(node: MeshNode) {
    this.node = node;
    void this.#collect();
  }

  get address(): string {
    return this.node.address;
  }

  get nodeId(): bigint {
    return this.node.nodeId;
  }

  get publicKey(): Uint8Array {
    return this.node.publicKey;
  }

  async connect(other: AnyNode, address = other.address): Promise<void> {
    await this.node.connect(address, other.publicKey, other.nodeId);
  }

  async accept(other: AnyNode): Promise<() => Promise<string>> {
    const accepted = this.node.accept(other.nodeId);
    return async () => accepted;
  }

  async announce(tag: string): Promise<void> {
    this.node.announce(CapabilitySet.of([tag]));
  }

  async find(tag: string): Promise<readonly bigint[]> {
    return this.node.findNodes({ requireTags: [tag] });
  }

  async view(): Promise<View> {
    return { natClass: this.node.natType, reflex: this.node.reflexAddress };
  }

  async announcedClass(other: AnyNode): Promise<string> {
    const tags = this.node.announcementOf(other.nodeId)?.capabilities.tags ?? [];
    return tags.find((tag) => tag.startsWith("nat:"))?.slice(4) ?? "unknown";
  }

  async reclassify(): Promise<View> {
    return this.node.reclassifyNat();
  }

  async setReflexOverride(address: string): Promise<void> {
    this.node.setReflexOverride(address);
  }

  async clearReflexOverride(): Promise<void> {
    this.node.clearReflexOverride();
  }

  async probeReflex(other: AnyNode): Promise<string> {
    return this.node.probeReflex(other.nodeId);
  }

  async connectDirect(other: AnyNode, coordinator: AnyNode): Promise<void> {
    await this.node.connectDirect(other.nodeId, other.publicKey, coordinator.nodeId);
  }

  async traversalCounts(): Promise<TraversalCounts> {
    const { punchesAttempted, punchesSucceeded, relayFallbacks } = this.node.stats.traversal;
    return {
      attempted: punchesAttempted,
      succeeded: punchesSucceeded,
      fallbacks: relayFallbacks,
    };
  }

  async send(to: AnyNode, stream: bigint, text: string): Promise<void> {
    await this.node.openStream(to.nodeId, stream).sendAll([new TextEncoder().encode(text)]);
  }

  async received(): Promise<readonly string[]> {
    return this.#received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.close();
  }

  async #collect(): Promise<void> {
    for await (const { payload } of this.node.events()) {
      this.#received.push(new TextDecoder().decode(payload));
    }
  }
}

/** A node of 0.19.0. */
export class Wheel implements AnyNode {
  readonly kind = "wheel";
  readonly peer: MeshPeer;
  readonly #received: string[] = [];
  #isStarted = false;

  constructor(peer: MeshPeer) {
    this.peer = peer;
  }

  get address(): string {
    return this.peer.address;
  }

  get nodeId(): bigint {
    return this.peer.nodeId;
  }

  get publicKey(): Uint8Array {
    return this.peer.publicKey;
  }

  async connect(other: AnyNode, address = other.address): Promise<void> {
    await this.peer.call("connect", [address, hex(other.publicKey), other.nodeId]);
  }

  /** Before `start` only: a started node of 0.19.0 answers nothing but routed handshakes. */
  async accept(other: AnyNode): Promise<() => Promise<string>> {
    const accepted = await this.peer.begin("accept", other.nodeId);
    return async () => (await accepted()) as string;
  }

  async start(): Promise<void> {
    if (!this.#isStarted) {
      this.#isStarted = true;
      await this.peer.call("start");
    }
  }

  async announce(tag: string): Promise<void> {
    await this.peer.call("announce_capabilities", [{ tags: [tag] }]);
  }

  async find(tag: string): Promise<readonly bigint[]> {
    return (await this.peer.call("find_nodes", [{ require_tags: [tag] }])) as bigint[];
  }

  async view(): Promise<View> {
    const reflex = (await this.peer.call("reflex_addr")) as string | null;
    return {
      natClass: (await this.peer.call("nat_type")) as string,
      reflex: reflex ?? undefined,
    };
  }

  async announcedClass(other: AnyNode): Promise<string> {
    return (await this.peer.call("peer_nat_type", [other.nodeId])) as string;
  }

  async reclassify(): Promise<View> {
    await this.peer.call("reclassify_nat");
    return this.view();
  }

  async setReflexOverride(address: string): Promise<void> {
    await this.peer.call("set_reflex_override", [address]);
  }

  async clearReflexOverride(): Promise<void> {
    await this.peer.call("clear_reflex_override");
  }

  async probeReflex(other: AnyNode): Promise<string> {
    return (await this.peer.call("probe_reflex", [other.nodeId])) as string;
  }

  async connectDirect(other: AnyNode, coordinator: AnyNode): Promise<void> {
    await this.peer.call("connect_direct", [
      other.nodeId,
      hex(other.publicKey),
      coordinator.nodeId,
    ]);
  }

  async traversalCounts(): Promise<TraversalCounts> {
    const counts = (await this.peer.call("traversal_stats")) as Readonly<Record<string, bigint>>;
    return {
      attempted: Number(counts["punches_attempted"]),
      succeeded: Number(counts["punches_succeeded"]),
      fallbacks: Number(counts["relay_fallbacks"]),
    };
  }

  async send(to: AnyNode, stream: bigint, text: string): Promise<void> {
    await this.peer.call("send", [to.nodeId, stream, [new TextEncoder().encode(text)]]);
  }

  async received(): Promise<readonly string[]> {
    this.#received.push(...(await this.peer.texts()));
    return this.#received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.peer[Symbol.asyncDispose]();
  }
}

/** Nodes of one test, all closed at its end. */
export class Nodes implements AsyncDisposable {
  readonly #opened: AsyncDisposable[] = [];

  async ours(options: Partial<MeshNodeOptions> = {}): Promise<Ours> {
    const node = await MeshNode.listen({
      bind: "127.0.0.1:0",
      psk: PSK,
      tuning: QUICK,
      ...options,
    });
    return this.#keep(new Ours(node));
  }

  async wheel(options: Readonly<Record<string, unknown>> = {}, address?: string): Promise<Wheel> {
    return this.#keep(new Wheel(await MeshPeer.start(options, address)));
  }

  async of(kind: Kind): Promise<Ours | Wheel> {
    return kind === "ours" ? this.ours() : this.wheel();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#opened.map(async (each) => each[Symbol.asyncDispose]()));
  }

  #keep<T extends AsyncDisposable>(node: T): T {
    this.#opened.push(node);
    return node;
  }
}

export async function start(...nodes: readonly (Ours | Wheel)[]): Promise<void> {
  await Promise.all(
    nodes.map(async (node) => {
      if (node instanceof Wheel) {
        await node.start();
      }
    }),
  );
}

/**
 * A session that `from` begins with `to`, which must not have been started if it is of 0.19.0.
 *
 * @param address where `from` finds `to`
 * @returns the address at which `to` sees `from`
 */
export async function join(from: AnyNode, to: AnyNode, address = to.address): Promise<string> {
  const accepted = await to.accept(from);
  await from.connect(to, address);
  return accepted();
}

/** Sends one event each way and waits for both. */
export async function exchange(left: AnyNode, right: AnyNode, stream: bigint): Promise<void> {
  const [there, back] = [`${stream} there`, `${stream} back`];
  await left.send(right, stream, there);
  await right.send(left, stream, back);
  await until(
    "an event to arrive each way",
    async () => (await right.received()).includes(there) && (await left.received()).includes(back),
  );
}

function hex(key: Uint8Array): string {
  return Buffer.from(key).toString("hex");
}
