import { Buffer } from "node:buffer";
import { createCluster, RESP_TYPES } from "@redis/client";
import { before } from "../deadline.js";
import { Renewable } from "../renewable.js";
import type { RedisConnectionOptions } from "./redis-connection.js";
import { isAnswer } from "./redis-failure.js";
import type { RedisLink, RedisReply } from "./redis-link.js";

export interface RedisClusterOptions extends Omit<RedisConnectionOptions, "url"> {
  /** Some nodes of the cluster; the others are learned from them. */
  readonly urls: readonly string[];
}

function clusterOf({ urls, connectTimeoutMs, client }: RedisClusterOptions) {
  const { socket, ...defaults } = client;
  return createCluster({
    rootNodes: urls.map((url) => ({ url })),
    defaults: {
      ...defaults,
      disableClientInfo: true,
      maintNotifications: "disabled",
      socket: { ...socket, connectTimeout: connectTimeoutMs, reconnectStrategy: false },
    },
    RESP: 2,
    commandOptions: { timeout: 0, typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  });
}

type Cluster = ReturnType<typeof clusterOf>;

/** The streams of a bus spread over a Redis Cluster: each lives where its key hashes to. */
export class RedisCluster implements RedisLink {
  readonly canBlock = false;
  readonly #options: RedisClusterOptions;
  readonly #cluster: Renewable<Cluster>;

  constructor(options: RedisClusterOptions) {
    this.#options = options;
    this.#cluster = new Renewable(() => this.#connect(), destroy);
  }

  send(key: string, args: readonly string[], signal: AbortSignal): Promise<RedisReply> {
    return this.#run((cluster) => cluster.sendCommand<RedisReply>(key, false, [...args]), signal);
  }

  transaction(
    key: string,
    commands: readonly (readonly string[])[],
    signal: AbortSignal,
  ): Promise<readonly RedisReply[]> {
    return this.#run(async (cluster) => {
      const multi = cluster.MULTI(key);
      for (const args of commands) multi.addCommand(key, false, [...args]);
      return (await multi.exec()) as unknown as readonly RedisReply[];
    }, signal);
  }

  /** Connections of a cluster cannot be told apart; consumers pass over duplicates by dedup id. */
  fence(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.#cluster.close();
  }

  async #run<T>(command: (cluster: Cluster) => Promise<T>, signal: AbortSignal): Promise<T> {
    const cluster = await this.#cluster.get();
    const { commandTimeoutMs } = this.#options;
    try {
      return await before(command(cluster), commandTimeoutMs, signal, "a Redis command");
    } catch (error) {
      // The cluster is discovered anew: a node may have taken over for another.
      if (!isAnswer(error)) await this.#cluster.drop(cluster);
      throw error;
    }
  }

  async #connect(): Promise<Cluster> {
    const cluster = clusterOf(this.#options);
    cluster.on("error", () => undefined);
    try {
      await cluster.connect();
      return cluster;
    } catch (error) {
      destroy(cluster);
      throw error;
    }
  }
}

function destroy(cluster: Cluster): void {
  if (cluster.isOpen) cluster.destroy();
}
