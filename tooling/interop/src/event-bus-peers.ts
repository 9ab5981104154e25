import { join } from "node:path";
import { freePort, LinePeer, NatsServer, RedisServer, until } from "@gaiaftcl/peers";
import { createClient } from "@redis/client";
import { ensurePeers } from "../../bootstrap/peers.mjs";

const peerScript = join(import.meta.dirname, "..", "python", "event_bus_peer.py");

/** A Redis that keeps what it acknowledged, also when it is killed. */
export function durableRedis(extra: readonly string[] = []): Promise<RedisServer> {
  return RedisServer.run({
    extra: ["--appendonly", "yes", "--appendfsync", "everysec", ...extra],
  });
}

/** A nats-server with JetStream. */
export function jetStreamServer(extra: readonly string[] = []): Promise<NatsServer> {
  return NatsServer.run({ extra: ["-js", ...extra] });
}

/** Three nats-servers that replicate one another's streams. */
export class JetStreamClusterServers implements AsyncDisposable {
  readonly nodes: readonly NatsServer[];

  private constructor(nodes: readonly NatsServer[]) {
    this.nodes = nodes;
  }

  static async run(): Promise<JetStreamClusterServers> {
    const ports = [await freePort(), await freePort(), await freePort()];
    const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(",");
    const nodes: NatsServer[] = [];
    for (const [i, port] of ports.entries()) {
      const listen = ["--cluster", `nats://127.0.0.1:${port}`, "--routes", routes];
      const name = ["--server_name", `node${i}`, "--cluster_name", "event-bus"];
      nodes.push(await jetStreamServer([...name, ...listen]));
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
  readonly #peer: LinePeer;

  private constructor(python: string) {
    this.#peer = new LinePeer(python, [peerScript]);
  }

  static async start(): Promise<ReferencePeer> {
    return new ReferencePeer((await ensurePeers(["python"])).python);
  }

  async ask<T>(request: Readonly<Record<string, unknown>>): Promise<T> {
    const { ok, error } = await this.#peer.ask<{ readonly ok: T; readonly error?: string }>(
      request,
    );
    if (error !== undefined) throw new Error(error);
    return ok;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer[Symbol.asyncDispose]();
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
      nodes.push(await durableRedis([...extra, "--cluster-port", String(busPort)]));
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
        return states.every(isWhole);
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
