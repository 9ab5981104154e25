import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { ensurePeers } from "../../bootstrap/peers.mjs";

/** A process of the wheel `net-mesh==0.19.0` that is one end of a two-endpoint session. */
export class NetEndpointPeer implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;

  private constructor(python: string) {
    const script = join(import.meta.dirname, "..", "python", "net_endpoint_peer.py");
    this.#child = spawn(python, [script], { stdio: ["pipe", "pipe", "inherit"] });
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  static async start(): Promise<NetEndpointPeer> {
    const { python } = await ensurePeers(["python"]);
    return new NetEndpointPeer(python);
  }

  /** Resolves when the handshake is done; gives the error's text when it failed. */
  async connect(options: Readonly<Record<string, unknown>>): Promise<string | undefined> {
    return (await this.#ask({ op: "connect", options })).error;
  }

  async keypair(): Promise<{ readonly publicKey: string; readonly secretKey: string }> {
    const { public_key = "", secret_key = "" } = await this.#ask({ op: "keypair" });
    return { publicKey: public_key, secretKey: secret_key };
  }

  async ingest(events: readonly string[]): Promise<void> {
    await this.#ask({ op: "ingest", events });
  }

  async poll(count: number): Promise<readonly string[]> {
    return (await this.#ask({ op: "poll", count, seconds: 60 })).events ?? [];
  }

  async kill(): Promise<void> {
    const closed = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.kill();
  }

  async #ask(command: object): Promise<{
    readonly error?: string;
    readonly public_key?: string;
    readonly secret_key?: string;
    readonly events?: readonly string[];
  }> {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error("the Python peer ended");
    return JSON.parse(value);
  }
}
