import { join } from "node:path";
import { freeUdpPort, LinePeer } from "@gaiaftcl/peers";
import { ensurePeers } from "../../bootstrap/peers.mjs";

const script = join(import.meta.dirname, "..", "python", "net_mesh_peer.py");

export const PSK: string = "5a".repeat(32);

interface Introduction {
  readonly node_id: string;
  readonly public_key: string;
  readonly entity_id: string;
}

/** A node of the reference in a process of its own. */
export class MeshPeer implements AsyncDisposable {
  readonly address: string;
  readonly nodeId: bigint;
  readonly publicKey: Uint8Array;
  readonly entityId: Uint8Array;
  readonly #peer: LinePeer;

  private constructor(peer: LinePeer, address: string, told: Introduction) {
    this.#peer = peer;
    this.address = address;
    this.nodeId = BigInt(told.node_id);
    this.publicKey = Buffer.from(told.public_key, "hex");
    this.entityId = Buffer.from(told.entity_id, "hex");
  }

  /** @param bind its address; a free one of its own when left out */
  static async start(
    options: Readonly<Record<string, unknown>> = {},
    bind?: string,
  ): Promise<MeshPeer> {
    const { python } = await ensurePeers(["python"]);
    const address = bind ?? `127.0.0.1:${await freeUdpPort()}`;
    const settings = {
      num_shards: 1,
      heartbeat_interval_ms: 200,
      session_timeout_ms: 2000,
      ...options,
    };
    const peer = new LinePeer(python, [script, address, PSK, encode(settings)], { encode, decode });
    return new MeshPeer(peer, address, await peer.next());
  }

  /** Runs a method of the node (or one of the script's) and gives what it returns. */
  async call(op: string, args: readonly unknown[] = [], options: object = {}): Promise<unknown> {
    return this.#ask({ op, args, options });
  }

  /** Begins a method that blocks; the returned function waits for its end. */
  async begin(op: string, ...args: readonly unknown[]): Promise<() => Promise<unknown>> {
    const name = `${op} ${Math.random()}`;
    await this.#ask({ op, args, as: name });
    return async () => this.#ask({ op: "join", args: [name] });
  }

  /** The texts of the events that have arrived since the last time. */
  async texts(): Promise<string[]> {
    const events = (await this.call("events", [100_000])) as { readonly raw: string }[];
    return events.map(({ raw }) => raw);
  }

  /** Stops its process, lets it go on, or ends it as a crash does. */
  signal(name: "SIGSTOP" | "SIGCONT" | "SIGKILL"): void {
    this.#peer.program.signal(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer[Symbol.asyncDispose]();
  }

  async #ask(request: object): Promise<unknown> {
    const { ok, error } = await this.#peer.ask<{ readonly ok?: unknown; readonly error?: string }>(
      request,
    );
    if (error !== undefined) throw new Error(error);
    return ok;
  }
}

function encode(value: unknown): string {
  return JSON.stringify(value, (_name, item) => {
    if (typeof item === "bigint") {
      return { u64: item.toString() };
    }
    return item instanceof Uint8Array ? { hex: Buffer.from(item).toString("hex") } : item;
  });
}

function decode(text: string): unknown {
  return JSON.parse(text, (_name, value) => {
    if (typeof value === "object" && value !== null) {
      if (typeof value.u64 === "string") {
        return BigInt(value.u64);
      }
      if (typeof value.hex === "string") {
        return Buffer.from(value.hex, "hex");
      }
    }
    return value;
  });
}
