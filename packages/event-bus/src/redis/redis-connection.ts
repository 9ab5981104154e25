import { Buffer } from "node:buffer";
import { createClient, RESP_TYPES, type RedisClientOptions } from "@redis/client";
import { before } from "../deadline.js";
import { Renewable } from "../renewable.js";
import { isAnswer } from "./redis-failure.js";
import type { RedisLink, RedisReply } from "./redis-link.js";

/** Options of `@redis/client` beyond the address. */
export type RedisClientExtras = Pick<
  RedisClientOptions,
  "username" | "password" | "credentialsProvider" | "database" | "name" | "socket"
>;

export interface RedisConnectionOptions {
  readonly url: string;
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
  readonly client: RedisClientExtras;
}

function connectionTo({ url, connectTimeoutMs, client }: RedisConnectionOptions) {
  return createClient({
    ...client,
    url,
    RESP: 2,
    disableClientInfo: true,
    maintNotifications: "disabled",
    commandOptions: { timeout: 0, typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
    // A connection is used until it fails and then replaced: what it has not answered is tried
    // again by its owner, who knows what may be repeated.
    socket: { ...client.socket, connectTimeout: connectTimeoutMs, reconnectStrategy: false },
  });
}

type Client = ReturnType<typeof connectionTo>;

/** Runs commands on one connection to one server. */
export class RedisConnection implements RedisLink {
  readonly canBlock = true;
  readonly #options: RedisConnectionOptions;
  readonly #client: Renewable<Client>;
  /** Connections given up with commands unanswered; the server may still hold those. */
  readonly #abandoned: Set<number> = new Set();
  readonly #ids: WeakMap<Client, number> = new WeakMap();

  constructor(options: RedisConnectionOptions) {
    this.#options = options;
    this.#client = new Renewable(() => this.#connect(), destroy);
  }

  send(
    _key: string,
    args: readonly string[],
    signal: AbortSignal,
    timeoutMs?: number,
  ): Promise<RedisReply> {
    return this.#run((client) => client.sendCommand<RedisReply>(args), signal, timeoutMs);
  }

  transaction(
    _key: string,
    commands: readonly (readonly string[])[],
    signal: AbortSignal,
  ): Promise<readonly RedisReply[]> {
    return this.#run(async (client) => {
      const multi = client.MULTI();
      for (const args of commands) multi.addCommand([...args]);
      return (await multi.exec()) as unknown as readonly RedisReply[];
    }, signal);
  }

  async fence(signal: AbortSignal): Promise<void> {
    for (const id of [...this.#abandoned]) {
      try {
        await this.send("", ["CLIENT", "KILL", "ID", String(id)], signal);
      } catch (error) {
        // No such client any more, or no permission to ask: consumers have the dedup ids then.
        if (!isAnswer(error)) throw error;
      }
      this.#abandoned.delete(id);
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #run<T>(
    command: (client: Client) => Promise<T>,
    signal: AbortSignal,
    timeoutMs: number = this.#options.commandTimeoutMs,
  ): Promise<T> {
    const client = await this.#client.get();
    try {
      return await before(command(client), timeoutMs, signal, "a Redis command");
    } catch (error) {
      if (!isAnswer(error)) {
        const id = this.#ids.get(client);
        if (id !== undefined) this.#abandoned.add(id);
        await this.#client.drop(client);
      }
      throw error;
    }
  }

  async #connect(): Promise<Client> {
    const client = connectionTo(this.#options);
    // Failures arrive with the commands they concern; without a listener they would end the process.
    client.on("error", () => undefined);
    const timer = setTimeout(() => destroy(client), this.#options.connectTimeoutMs);
    try {
      await client.connect();
      await client.sendCommand(["PING"]);
      const id = Number(await client.sendCommand(["CLIENT", "ID"]).catch(() => Number.NaN));
      if (Number.isSafeInteger(id)) this.#ids.set(client, id);
      return client;
    } catch (error) {
      destroy(client);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

function destroy(client: Client): void {
  if (client.isOpen) client.destroy();
}
