import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "@redis/client";
import { ensurePeers } from "../../bootstrap/peers.mjs";

const peerScript = join(import.meta.dirname, "..", "python", "event_bus_peer.py");
const PATIENCE_MS = 60_000;

/** Waits until `condition` gives something; generous, for a slow machine that does other things. */
export async function until<T>(
  what: string,
  condition: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await delay(10)) {
    const found = await condition();
    if (found !== undefined) return found;
  }
  throw new Error(`waited ${PATIENCE_MS / 1_000} s for ${what}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** A server of another program on a port of its own, with its data in a temporary directory. */
class ServerProcess implements AsyncDisposable {
  readonly port: number;
  readonly directory: string;
  readonly #program: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  protected constructor(program: string, args: readonly string[], port: number, directory: string) {
    this.#program = program;
    this.#args = args;
    this.port = port;
    this.directory = directory;
  }

  /** Starts it, again after `kill` with the data it had. */
  async start(): Promise<void> {
    const child = spawn(this.#program, this.#args, { stdio: "ignore", cwd: this.directory });
    this.#child = child;
    await until(`${this.#program} to listen on ${this.port}`, async () => {
      if (child.exitCode !== null)
        throw new Error(`${this.#program} exited with ${child.exitCode}`);
      return (await answers(this.port)) ? true : undefined;
    });
  }

  /** As by `kill -9`. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  /** Stops it from doing anything, or lets it go on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child?.kill("SIGCONT");
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** A Redis that keeps what it acknowledged, also when it is killed. */
export class RedisServer extends ServerProcess {
  static async run(extra: readonly string[] = []): Promise<RedisServer> {
    const { redisServer } = await ensurePeers(["redisServer"]);
    if (redisServer === undefined) throw new Error("redis-server was not found");
    const port = await freePort();
    const directory = await mkdtemp(join(tmpdir(), "event-bus-redis-"));
    const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", directory, "--save", ""];
    const durable = ["--appendonly", "yes", "--appendfsync", "everysec", ...extra];
    const server = new RedisServer(redisServer, [...args, ...durable], port, directory);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }
}

/** A nats-server with JetStream. */
export class JetStreamServer extends ServerProcess {
  static async run(extra: readonly string[] = []): Promise<JetStreamServer> {
    const { natsServer } = await ensurePeers(["natsServer"]);
    const port = await freePort();
    const directory = await mkdtemp(join(tmpdir(), "event-bus-nats-"));
    const args = ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", directory, ...extra];
    const server = new JetStreamServer(natsServer, args, port, directory);
    await server.start();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }
}

/** Three nats-servers that replicate one another's streams. */
export class JetStreamClusterServers implements AsyncDisposable {
  readonly nodes: readonly JetStreamServer[];

  private constructor(nodes: readonly JetStreamServer[]) {
    this.nodes = nodes;
  }

  static async run(): Promise<JetStreamClusterServers> {
    const ports = [await freePort(), await freePort(), await freePort()];
    const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(",");
    const nodes: JetStreamServer[] = [];
    for (const [i, port] of ports.entries()) {
      const listen = ["--cluster", `nats://127.0.0.1:${port}`, "--routes", routes];
      const name = ["--server_name", `node${i}`, "--cluster_name", "event-bus"];
      nodes.push(await JetStreamServer.run([...name, ...listen]));
    }
    return new JetStreamClusterServers(nodes);
  }

  get urls(): readonly string[] {
    return this.nodes.map(({ url }) => url);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await node[Symbol.asyncDispose]();
  }
}

/** An event as the reference polls it: id, text, insertion_ts in decimal, shard. */
export type PeerEvent = readonly [id: string, raw: string, insertionTs: string, shard: number];

export interface PeerPoll {
  readonly events: readonly PeerEvent[];
  readonly next_id: string | null;
  readonly has_more: boolean;
}

/** A Python process with the reference event bus in it. */
export class ReferencePeer implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve: (value: unknown) => void; reject: (error: Error) => void }[] = [];

  private constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout === null) throw new Error("no output");
    createInterface({ input: child.stdout }).on("line", (line) => {
      const { ok, error } = JSON.parse(line) as { ok?: unknown; error?: string };
      const next = this.#waiting.shift();
      if (error === undefined) next?.resolve(ok);
      else next?.reject(new Error(error));
    });
    child.on("exit", (code) => {
      for (const { reject } of this.#waiting) reject(new Error(`the peer exited with ${code}`));
    });
  }

  static async start(): Promise<ReferencePeer> {
    const { python } = await ensurePeers(["python"]);
    return new ReferencePeer(spawn(python, [peerScript], { stdio: ["pipe", "pipe", "inherit"] }));
  }

  ask<T>(request: Readonly<Record<string, unknown>>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve: resolve as (value: unknown) => void, reject });
      this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill();
    await gone;
  }
}

/** Three masters of a Redis Cluster. */
export class RedisClusterServers implements AsyncDisposable {
  readonly nodes: readonly RedisServer[];

  private constructor(nodes: readonly RedisServer[]) {
    this.nodes = nodes;
  }

  static async run(): Promise<RedisClusterServers> {
    const nodes: RedisServer[] = [];
    const extra = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
    while (nodes.length < 3) {
      const busPort = await freePort();
      nodes.push(await RedisServer.run([...extra, "--cluster-port", String(busPort)]));
    }
    const cluster = new RedisClusterServers(nodes);
    await cluster.#meet();
    return cluster;
  }

  get urls(): readonly string[] {
    return this.nodes.map(({ url }) => url);
  }

  async #meet(): Promise<void> {
    const clients = await Promise.all(this.nodes.map(({ url }) => createClient({ url }).connect()));
    try {
      for (const [i, client] of clients.entries()) {
        const first = Math.ceil((i * 16_384) / 3);
        const last = Math.ceil(((i + 1) * 16_384) / 3) - 1;
        await client.sendCommand(["CLUSTER", "ADDSLOTSRANGE", String(first), String(last)]);
        await client.sendCommand(["CLUSTER", "SET-CONFIG-EPOCH", String(i + 1)]);
        if (i === 0) continue;
        const [port, busPort] = await this.#addressOf(0);
        await client.sendCommand(["CLUSTER", "MEET", "127.0.0.1", port, busPort]);
      }
      await until("the cluster to form", async () => {
        const states = await Promise.all(
          clients.map((client) => client.sendCommand(["CLUSTER", "INFO"])),
        );
        const isWhole = (info: unknown): boolean =>
          /cluster_state:ok/.test(String(info)) && /cluster_known_nodes:3/.test(String(info));
        return states.every(isWhole) ? true : undefined;
      });
    } finally {
      for (const client of clients) client.destroy();
    }
  }

  async #addressOf(index: number): Promise<readonly [string, string]> {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`no node ${index}`);
    const client = await createClient({ url: node.url }).connect();
    const config = (await client.configGet("cluster-port")) as Record<string, string>;
    client.destroy();
    return [String(node.port), String(config["cluster-port"])];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await node[Symbol.asyncDispose]();
  }
}
