import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensurePeers } from "../../bootstrap/peers.mjs";
import { freePort } from "./free-port.ts";
import { Program } from "./program.ts";

interface ServerOptions {
  /** Where it listens on 127.0.0.1; a free port when left out. */
  readonly port?: number;
  /** More arguments. */
  readonly extra?: readonly string[];
}

/** A server of another program, with its data in a directory that goes with it. */
class Server implements AsyncDisposable {
  readonly port: number;
  readonly #command: string;
  readonly #args: readonly string[];
  readonly #directory: string;
  #program: Program | undefined;

  protected constructor(command: string, args: readonly string[], port: number, directory: string) {
    this.#command = command;
    this.#args = args;
    this.port = port;
    this.#directory = directory;
  }

  /** Starts it, after `kill` with the data it had, and waits until it takes connections. */
  async start(): Promise<void> {
    const program = new Program(this.#command, this.#args, { cwd: this.#directory });
    this.#program = program;
    await program.ready(`to listen on ${this.port}`, () => takesConnections(this.port));
  }

  /** As by `kill -9`. */
  async kill(): Promise<void> {
    await this.#program?.end();
  }

  /** Stops it from doing anything, or lets it go on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#program?.signal(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** A Redis. */
export class RedisServer extends Server {
  static async run({ port, extra = [] }: ServerOptions = {}): Promise<RedisServer> {
    const { redisServer } = await ensurePeers(["redisServer"]);
    if (redisServer === undefined) throw new Error("redis-server was not found");
    const own = port ?? (await freePort());
    const directory = await mkdtemp(join(tmpdir(), "gaiaftcl-redis-"));
    const args = ["--port", String(own), "--bind", "127.0.0.1", "--dir", directory, "--save", ""];
    const server = new RedisServer(redisServer, [...args, ...extra], own, directory);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }
}

/** A nats-server. */
export class NatsServer extends Server {
  static async run({ port, extra = [] }: ServerOptions = {}): Promise<NatsServer> {
    const { natsServer } = await ensurePeers(["natsServer"]);
    const own = port ?? (await freePort());
    const directory = await mkdtemp(join(tmpdir(), "gaiaftcl-nats-"));
    const args = ["-a", "127.0.0.1", "-p", String(own), "-sd", directory];
    const server = new NatsServer(natsServer, [...args, ...extra], own, directory);
    await server.start();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
