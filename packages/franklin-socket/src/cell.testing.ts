import { chmod, mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decode, encode, type JsonValue } from "@gaiaftcl/canonical-json";
import { GENESIS_HASH, type RowRecord, sealRow } from "@gaiaftcl/sealed-row";
import {
  decodeBase64,
  encodeBase64,
  generateKeyPair,
  type KeyPair,
  type PrivateKey,
  sign,
} from "@gaiaftcl/witness/ed25519";
import { FranklinClient, type FranklinClientOptions } from "./client.js";
import { encodeFrame, FRAME_BYTES, FrameDecoder } from "./frame.js";
import type { ResponseSeal } from "./message.js";
import { FranklinServer, type FranklinServerOptions, type Operators } from "./server.js";

/** Seals command rows in memory, one after the other, as a database would. */
export class MemorySealer {
  readonly rows: RowRecord[] = [];
  readonly cellId: string;
  /** The next seal times; the present where there are none. */
  readonly times: string[] = [];

  constructor(cellId = "test-cell") {
    this.cellId = cellId;
  }

  readonly seal = (columns: RowRecord): ResponseSeal => {
    const row = sealRow("franklin_commands", {
      columns,
      cellId: this.cellId,
      domainId: "test-domain",
      sealedAtIso: this.times.shift() ?? new Date().toISOString(),
      previous: String(this.rows.at(-1)?.["witness_hash_sha256"] ?? GENESIS_HASH),
    });
    this.rows.push(row);
    return {
      canonicalWitness: String(row["canonical_witness"]),
      witnessHash: String(row["witness_hash_sha256"]),
      quintet: decode(String(row["signature_quintet"])) as string[],
    };
  };
}

export const alice: KeyPair = generateKeyPair(new Uint8Array(32).fill(1));
export const bob: KeyPair = generateKeyPair(new Uint8Array(32).fill(2));

export function operators(...names: readonly string[]): Operators {
  const keys: Readonly<Record<string, KeyPair>> = { alice, bob };
  return new Map(
    names.map((context) => [
      context,
      { context, publicKey: (keys[context] ?? generateKeyPair()).publicKey },
    ]),
  );
}

/** A scratch directory of mode 0700 that goes away at the end of its scope. */
export class Scratch implements AsyncDisposable {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<Scratch> {
    return new Scratch(await mkdtemp(join(tmpdir(), "franklin-")));
  }

  get socketPath(): string {
    return join(this.directory, "franklin.sock");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await chmod(this.directory, 0o700);
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** A running server with what tests want to look at. */
export class TestCell implements AsyncDisposable {
  readonly scratch: Scratch;
  readonly server: FranklinServer;
  readonly sealer: MemorySealer;

  private constructor(scratch: Scratch, server: FranklinServer, sealer: MemorySealer) {
    this.scratch = scratch;
    this.server = server;
    this.sealer = sealer;
  }

  /** By default the handler answers with what it was asked. */
  static async start(overrides: Partial<FranklinServerOptions> = {}): Promise<TestCell> {
    const scratch = await Scratch.create();
    const sealer = new MemorySealer();
    try {
      const server = await FranklinServer.listen({
        socketPath: scratch.socketPath,
        operators: operators("alice"),
        handler: ({ method, args }) => ({ status: "ok", method, args }),
        seal: sealer.seal,
        ...overrides,
      });
      return new TestCell(scratch, server, sealer);
    } catch (error) {
      await scratch[Symbol.asyncDispose]();
      throw error;
    }
  }

  connect(overrides: Partial<FranklinClientOptions> = {}): Promise<FranklinClient> {
    return FranklinClient.connect({
      socketPath: this.server.socketPath,
      operatorContext: "alice",
      privateKey: alice.privateKey,
      timeoutMs: 20_000,
      ...overrides,
    });
  }

  peer(): Promise<RawPeer> {
    return RawPeer.connect(this.server.socketPath);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    await this.scratch[Symbol.asyncDispose]();
  }
}

export type Message = { readonly [name: string]: JsonValue };

/** A peer that knows only frames, and may do whatever it likes with them. */
export class RawPeer implements Disposable {
  readonly socket: Socket;
  readonly #decoder = new FrameDecoder(FRAME_BYTES);
  readonly #messages: Message[] = [];
  #isClosed = false;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#decoder.push(chunk);
      for (let frame = this.#decoder.next(); frame; frame = this.#decoder.next()) {
        this.#messages.push(decode(frame) as Message);
      }
      this.#wake();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  static async connect(path: string): Promise<RawPeer> {
    const socket = connect(path);
    const peer = new RawPeer(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return peer;
  }

  /** The next message, or `undefined` when the other side has closed. */
  async next(): Promise<Message | undefined> {
    while (this.#messages.length === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#messages.shift();
  }

  async rest(): Promise<Message[]> {
    const messages: Message[] = [];
    for (let message = await this.next(); message; message = await this.next()) {
      messages.push(message);
    }
    return messages;
  }

  send(...values: readonly unknown[]): void {
    for (const value of values) this.socket.write(encodeFrame(encode(value)));
  }

  /** Proves to be an operator and returns the verdict. */
  async handshake(context = "alice", key: PrivateKey = alice.privateKey): Promise<Message> {
    const challenge = await this.next();
    const bytes = decodeBase64(String(challenge?.["challenge"]));
    this.send({
      op: "handshake",
      operator_context: context,
      signature: encodeBase64(sign(key, bytes)),
    });
    return (await this.next()) ?? {};
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** Waits until something holds; the test's own time limit is the only one. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}
