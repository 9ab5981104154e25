import { join } from "node:path";
import { freeUdpPort, LinePeer } from "@gaiaftcl/peers";
import { ensurePeers } from "../../bootstrap/peers.mjs";

/** The pre-shared key of all measured nodes, in hex. */
export const PSK: string = "6f".repeat(32);
const ourScript = join(import.meta.dirname, "net-mesh-process.ts");
const theirScript = join(import.meta.dirname, "..", "..", "interop", "python", "net_mesh_bench.py");

export type Kind = "ours" | "wheel";

/** Where a node is, and who. */
export interface Introduction {
  readonly address: string;
  readonly publicKey: string;
  readonly nodeId: string;
}

/** One node in a process of its own, doing one task at a time. */
export class NodeProcess implements AsyncDisposable {
  readonly me: Introduction;
  readonly #peer: LinePeer;

  private constructor(peer: LinePeer, me: Introduction) {
    this.#peer = peer;
    this.me = me;
  }

  /** @param kind `guarded` is ours with the limits a node has by default, which measurements would run into */
  static async start(kind: Kind | "guarded"): Promise<NodeProcess> {
    const args = [`127.0.0.1:${await freeUdpPort()}`, PSK];
    const peer =
      kind === "wheel"
        ? new LinePeer((await ensurePeers(["python"])).python, [theirScript, ...args])
        : new LinePeer(process.execPath, ["--expose-gc", ourScript, ...args, kind]);
    return new NodeProcess(peer, await peer.next());
  }

  ask<T>(task: string, ...args: readonly unknown[]): Promise<T> {
    return this.#peer.ask({ task, args });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer[Symbol.asyncDispose]();
  }
}
