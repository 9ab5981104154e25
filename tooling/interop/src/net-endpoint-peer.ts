import { join } from "node:path";
import { LinePeer } from "@gaiaftcl/peers";
import { ensurePeers } from "../../bootstrap/peers.mjs";

interface Answer {
  readonly error?: string;
  readonly public_key?: string;
  readonly secret_key?: string;
  readonly events?: readonly string[];
}

/** A process of the wheel `net-mesh==0.19.0` that is one end of a two-endpoint session. */
export class NetEndpointPeer implements AsyncDisposable {
  readonly #peer: LinePeer;

  private constructor(python: string) {
    const script = join(import.meta.dirname, "..", "python", "net_endpoint_peer.py");
    this.#peer = new LinePeer(python, [script]);
  }

  static async start(): Promise<NetEndpointPeer> {
    return new NetEndpointPeer((await ensurePeers(["python"])).python);
  }

  /** Resolves when the handshake is done; gives the error's text when it failed. */
  async connect(options: Readonly<Record<string, unknown>>): Promise<string | undefined> {
    return (await this.#peer.ask<Answer>({ op: "connect", options })).error;
  }

  async keypair(): Promise<{ readonly publicKey: string; readonly secretKey: string }> {
    const { public_key = "", secret_key = "" } = await this.#peer.ask<Answer>({ op: "keypair" });
    return { publicKey: public_key, secretKey: secret_key };
  }

  async ingest(events: readonly string[]): Promise<void> {
    await this.#peer.ask<Answer>({ op: "ingest", events });
  }

  async poll(count: number): Promise<readonly string[]> {
    return (await this.#peer.ask<Answer>({ op: "poll", count, seconds: 60 })).events ?? [];
  }

  async kill(): Promise<void> {
    await this.#peer.program.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer[Symbol.asyncDispose]();
  }
}
