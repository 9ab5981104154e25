import { randomBytes } from "node:crypto";
import { Identity } from "@gaiaftcl/net-identity";
import { type EventBatch, generateDhKeyPair } from "@gaiaftcl/net-wire";
import { type MeshTuning, meshTuning } from "../config/mesh-config.js";
import type { NatBox } from "../simulated/nat-box.js";
import type { SimulatedNetwork, SimulatedSocket } from "../simulated/simulated-network.js";
import { MeshCore } from "./mesh-core.js";
import type { MeshEvent } from "./mesh-event.js";
import type { MeshCoreOptions } from "./node-parts.js";

export const PSK: Uint8Array = new Uint8Array(32).fill(0x11);

/** A node in a simulated network, with what it told. */
export class TestNode {
  readonly identity: Identity = Identity.generate();
  readonly keyPair: { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array };
  readonly address: string;
  readonly core: MeshCore;
  readonly events: MeshEvent[] = [];
  readonly texts: string[] = [];
  /** Gives back credit as soon as events arrive. */
  isReading = true;
  /** Changes what leaves. */
  rewrite: (datagram: Uint8Array) => Uint8Array = (datagram) => datagram;
  readonly #network: SimulatedNetwork;

  constructor(
    network: SimulatedNetwork,
    socket: SimulatedSocket,
    tuning: Partial<MeshTuning>,
    options: Partial<MeshCoreOptions>,
  ) {
    this.#network = network;
    this.address = socket.address;
    this.keyPair = generateDhKeyPair(randomBytes);
    this.core = new MeshCore(
      {
        identity: this.identity,
        keyPair: this.keyPair,
        psk: PSK,
        tuning: meshTuning(tuning),
        randomBytes,
        wallClock: () => network.wallClock,
        transmit: (datagram, to) => {
          socket.transmit(this.rewrite(datagram), to);
        },
        emit: (event) => {
          this.#take(event);
        },
        boundAddress: () => socket.address,
        ...options,
      },
      network.now,
    );
  }

  get nodeId(): bigint {
    return this.core.nodeId;
  }

  receive(datagram: Uint8Array, from: string, now: number): void {
    this.core.receive(datagram, from, now);
  }

  tick(now: number): void {
    this.core.tick(now);
  }

  deadline(): number {
    return this.core.deadline();
  }

  /** Runs a command and lets the network ask for the deadline again. */
  do<T>(command: (core: MeshCore, now: number) => T): T {
    const result = command(this.core, this.#network.now);
    this.#network.wake(this.address);
    return result;
  }

  /** Begins a session and runs the network until it is decided. */
  connect(to: TestNode, relay?: TestNode): string {
    let said = "";
    this.do((core, now) =>
      core.connect(
        {
          nodeId: to.nodeId,
          publicKey: to.keyPair.publicKey,
          path:
            relay === undefined
              ? { kind: "address", address: to.address }
              : { kind: "relay", relay: relay.nodeId },
        },
        now,
        (outcome) => {
          said = outcome.ok ? "ok" : outcome.reason;
        },
      ),
    );
    this.#network.runUntil(() => said !== "", 20_000);
    // The other side has its session with the first packet.
    this.#network.run(10);
    return said;
  }

  say(to: TestNode, text: string, streamId = 7n): number {
    return this.do((core, now) =>
      core.push(to.nodeId, streamId, [new TextEncoder().encode(text)], now, {
        open: { reliability: "reliable" },
      }),
    );
  }

  #take(event: MeshEvent): void {
    this.events.push(event);
    if (event.type === "events") {
      this.#read(event.peer, event.batch);
    }
  }

  #read(peer: bigint, batch: EventBatch): void {
    for (const event of batch) {
      this.texts.push(new TextDecoder().decode(event));
    }
    if (this.isReading) {
      this.core.consume(peer, batch, this.#network.now);
    }
  }
}

export function attach(
  network: SimulatedNetwork,
  address: string,
  tuning: Partial<MeshTuning> = {},
  options: Partial<MeshCoreOptions> = {},
  nat?: NatBox,
): TestNode {
  return network.attach(address, (socket) => new TestNode(network, socket, tuning, options), nat);
}
