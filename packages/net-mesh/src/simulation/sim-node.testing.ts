import { Identity } from "@gaiaftcl/net-identity";
import { generateDhKeyPair } from "@gaiaftcl/net-wire";
import { type MeshTuning, meshTuning } from "../config/mesh-config.js";
import { MeshCore } from "../core/mesh-core.js";
import type { MeshEvent } from "../core/mesh-event.js";
import type { NoiseKeyPair } from "../core/mesh-state.js";
import type { MeshCoreOptions } from "../core/node-parts.js";
import type { NatBox } from "../simulated/nat-box.js";
import type {
  SimulatedHost,
  SimulatedNetwork,
  SimulatedSocket,
} from "../simulated/simulated-network.js";

const SEED_BYTES = 32;
const PSK = new Uint8Array(SEED_BYTES).fill(0x22);

export interface SimNodeOptions {
  readonly network: SimulatedNetwork;
  readonly address: string;
  readonly nat?: NatBox | undefined;
  readonly tuning?: Partial<MeshTuning>;
  readonly core?: Partial<MeshCoreOptions>;
  /** Sees each datagram as it leaves. */
  readonly tap?: (node: SimNode, datagram: Uint8Array, to: string) => void;
}

/** A node of a simulated mesh all of whose randomness is the network's, and that can crash and start again. */
export class SimNode implements SimulatedHost {
  readonly identity: Identity;
  readonly keyPair: NoiseKeyPair;
  readonly address: string;
  readonly events: MeshEvent[] = [];
  /** Called with what the node tells, after it is noted. */
  readonly listeners: Set<(event: MeshEvent) => void> = new Set();
  readonly #options: SimNodeOptions;
  #core: MeshCore;
  #after: (() => void)[] = [];

  constructor(options: SimNodeOptions) {
    const { network } = options;
    const randomBytes = (length: number): Uint8Array => network.random.bytes(length);
    this.#options = options;
    this.address = options.address;
    this.identity = Identity.fromSeed(randomBytes(SEED_BYTES));
    this.keyPair = generateDhKeyPair(randomBytes);
    this.#core = this.#start();
  }

  get core(): MeshCore {
    return this.#core;
  }

  get nodeId(): bigint {
    return this.identity.nodeId;
  }

  receive(datagram: Uint8Array, from: string, now: number): void {
    // A copy, as a socket makes one: others may have been sent the same bytes.
    this.#core.receive(new Uint8Array(datagram), from, now);
    this.#settle();
  }

  tick(now: number): void {
    this.#core.tick(now);
    this.#settle();
  }

  deadline(): number {
    return this.#core.deadline();
  }

  /** Gives the node a command, and lets the network ask for its deadline again. */
  do<T>(command: (core: MeshCore, now: number) => T): T {
    const { network, address } = this.#options;
    const result = command(this.#core, network.now);
    this.#settle();
    network.wake(address);
    return result;
  }

  /** Runs `action` when the call that is being served has returned, as an application does that reads events later. */
  later(action: () => void): void {
    this.#after.push(action);
  }

  /** Stops without a word. */
  crash(): void {
    this.#options.network.detach(this.address);
  }

  /** Stands still as a process that is stopped; what arrives meanwhile is lost. */
  pause(): void {
    this.crash();
  }

  /** Goes on where it stood still. */
  resume(): void {
    const { network, nat } = this.#options;
    network.attach(this.address, () => this, nat);
  }

  /** Starts again at the same address with the same identity and key, and nothing else of before. */
  restart(): void {
    this.crash();
    this.events.length = 0;
    this.#core = this.#start();
  }

  #settle(): void {
    while (this.#after.length > 0) {
      const actions = this.#after;
      this.#after = [];
      for (const action of actions) {
        action();
      }
    }
  }

  #start(): MeshCore {
    const { network, address, nat } = this.#options;
    let core: MeshCore | undefined;
    network.attach(
      address,
      (socket) => {
        core = this.#build(socket);
        return {
          receive: (datagram, from, now) => {
            this.receive(datagram, from, now);
          },
          tick: (now) => {
            this.tick(now);
          },
          deadline: () => (core as MeshCore).deadline(),
        };
      },
      nat,
    );
    return core as MeshCore;
  }

  #build(socket: SimulatedSocket): MeshCore {
    const { network, tuning, tap, core } = this.#options;
    return new MeshCore(
      {
        identity: this.identity,
        keyPair: this.keyPair,
        psk: PSK,
        tuning: meshTuning(tuning ?? {}),
        randomBytes: (length) => network.random.bytes(length),
        ownsDatagrams: true,
        wallClock: () => network.wallClock,
        transmit: (datagram, to) => {
          tap?.(this, datagram, to);
          socket.transmit(datagram, to);
        },
        emit: (event) => {
          this.events.push(event);
          for (const listener of this.listeners) {
            listener(event);
          }
        },
        boundAddress: () => socket.address,
        ...core,
      },
      network.now,
    );
  }
}
