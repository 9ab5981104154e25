import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ensurePeers } from "../../bootstrap/peers.mjs";

const script = join(import.meta.dirname, "..", "python", "net_mesh_peer.py");

export const PSK: string = "5a".repeat(32);

/** A free UDP port of the loopback interface: the reference does not tell which one it took. */
export async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  await new Promise<void>((resolve) => {
    socket.close(() => {
      resolve();
    });
  });
  return port;
}

/** A node of the reference in a process of its own. */
export class MeshPeer implements AsyncDisposable {
  readonly address: string;
  readonly nodeId: bigint;
  readonly publicKey: Uint8Array;
  readonly entityId: Uint8Array;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(
    child: ChildProcess,
    lines: AsyncIterator<string>,
    address: string,
    told: { readonly node_id: string; readonly public_key: string; readonly entity_id: string },
  ) {
    this.#child = child;
    this.#lines = lines;
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
    const address = bind ?? `127.0.0.1:${await freePort()}`;
    const settings = {
      num_shards: 1,
      heartbeat_interval_ms: 200,
      session_timeout_ms: 2000,
      ...options,
    };
    const child = spawn(python, [script, address, PSK, encode(settings)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const { value } = await lines.next();
    if (value === undefined) {
      throw new Error(`the reference ended with ${child.exitCode}`);
    }
    return new MeshPeer(child, lines, address, JSON.parse(value));
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
    this.#child.kill(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGKILL");
      await once(this.#child, "close");
    }
  }

  async #ask(request: object): Promise<unknown> {
    const turn = this.#turn.then(async () => {
      this.#child.stdin?.write(`${encode(request)}\n`);
      const { value } = await this.#lines.next();
      if (value === undefined) {
        throw new Error("the reference ended");
      }
      const { ok, error } = decode(value) as { readonly ok?: unknown; readonly error?: string };
      if (error !== undefined) {
        throw new Error(error);
      }
      return ok;
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

/** Polls until `check` gives something true. */
export async function eventually(
  check: () => boolean | Promise<boolean>,
  ms = 20_000,
): Promise<void> {
  const end = performance.now() + ms;
  while (!(await check())) {
    if (performance.now() > end) {
      throw new Error(`did not come to hold within ${ms} ms: ${check}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
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
