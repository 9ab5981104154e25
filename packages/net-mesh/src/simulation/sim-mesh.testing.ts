import type { MeshTuning } from "../config/mesh-config.js";
import type { HandshakeOutcome } from "../core/handshake-attempts.js";
import type { MeshCoreOptions } from "../core/node-parts.js";
import type { NatBox } from "../simulated/nat-box.js";
import { type LinkConditions, SimulatedNetwork } from "../simulated/simulated-network.js";
import { NonceWatch } from "./nonce-watch.testing.js";
import { SimNode } from "./sim-node.testing.js";

export interface SimMeshOptions {
  readonly seed: number;
  readonly conditions?: Partial<LinkConditions>;
  readonly tuning?: Partial<MeshTuning>;
}

/** Over four lossy hops three tries are not always enough. */
const HANDSHAKE_RETRIES = 8;

export type DatagramTap = (node: SimNode, datagram: Uint8Array, to: string) => void;

/** What reliable streams have to survive. */
export const ROUGH: LinkConditions = { loss: 0.1, duplication: 0.1, delayMs: 5, jitterMs: 40 };

/** Nodes in one simulated network, watched for counters that are used twice. */
export class SimMesh {
  readonly network: SimulatedNetwork;
  readonly nodes: SimNode[] = [];
  readonly nonces: NonceWatch = new NonceWatch();
  /** Sees each datagram as it leaves a node. */
  readonly taps: Set<DatagramTap> = new Set();
  readonly #tuning: Partial<MeshTuning>;

  constructor(options: SimMeshOptions) {
    const { seed, conditions = {}, tuning = {} } = options;
    this.network = new SimulatedNetwork({ seed, conditions });
    this.#tuning = tuning;
  }

  /** Adds a node; its address follows from how many there are, unless given. */
  add(
    place: { readonly address?: string; readonly nat?: NatBox } = {},
    core: Partial<MeshCoreOptions> = {},
  ): SimNode {
    const number = this.nodes.length + 1;
    const node = new SimNode({
      network: this.network,
      address: place.address ?? `10.${number >> 16}.${(number >> 8) & 0xff}.${number & 0xff}:9000`,
      nat: place.nat,
      tuning: this.#tuning,
      core,
      tap: (sender, datagram, to) => {
        this.nonces.see(sender.nodeId, datagram);
        for (const tap of this.taps) {
          tap(sender, datagram, to);
        }
      },
    });
    this.nodes.push(node);
    return node;
  }

  addMany(count: number): SimNode[] {
    return Array.from({ length: count }, () => this.add());
  }

  /** Runs until `isTrue`, or fails with `expectation`. */
  expect(expectation: string, limitMs: number, isTrue: () => boolean): void {
    if (!this.network.runUntil(isTrue, limitMs)) {
      throw new Error(`not within ${limitMs} virtual ms: ${expectation}`);
    }
  }

  /** The same for conditions that are dear to ask: looks only every `stepMs`. */
  expectSlowly(expectation: string, limitMs: number, isTrue: () => boolean, stepMs = 500): void {
    for (let passed = 0; passed < limitMs; passed += stepMs) {
      if (isTrue()) {
        return;
      }
      this.network.run(stepMs);
    }
    if (!isTrue()) {
      throw new Error(`not within ${limitMs} virtual ms: ${expectation}`);
    }
  }

  /** Begins a session and waits until both ends have the same one. */
  connect(from: SimNode, to: SimNode, relay?: SimNode): void {
    let outcome: HandshakeOutcome | undefined;
    this.begin(from, to, relay, (ended) => {
      outcome = ended;
    });
    this.expect("a handshake ends", 60_000, () => outcome !== undefined);
    if (outcome?.ok !== true) {
      throw new Error(`the handshake failed: ${outcome?.reason}`);
    }
    this.expect("both ends have one session", 20_000, () => this.areJoined(from, to));
  }

  /** Begins sessions of all `pairs` at once and waits for all. */
  connectAll(pairs: readonly (readonly [SimNode, SimNode])[]): void {
    let open = pairs.length;
    for (const [from, to] of pairs) {
      this.begin(from, to, undefined, (outcome) => {
        if (!outcome.ok) {
          throw new Error(`the handshake failed: ${outcome.reason}`);
        }
        open -= 1;
      });
    }
    this.expect("all handshakes end", 60_000, () => open === 0);
    this.expectSlowly("all pairs have one session at both ends", 20_000, () =>
      pairs.every(([from, to]) => this.areJoined(from, to)),
    );
  }

  begin(
    from: SimNode,
    to: SimNode,
    relay: SimNode | undefined,
    done: (outcome: HandshakeOutcome) => void,
  ): void {
    from.do((core, now) =>
      core.connect(
        {
          nodeId: to.nodeId,
          publicKey: to.keyPair.publicKey,
          retries: HANDSHAKE_RETRIES,
          path:
            relay === undefined
              ? { kind: "address", address: to.address }
              : { kind: "relay", relay: relay.nodeId },
        },
        now,
        done,
      ),
    );
  }

  areJoined(left: SimNode, right: SimNode): boolean {
    const session = left.core.peer(right.nodeId)?.sessionId;
    return session !== undefined && session === right.core.peer(left.nodeId)?.sessionId;
  }
}
