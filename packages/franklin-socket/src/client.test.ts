import { chmod, rename } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { encode } from "@gaiaftcl/canonical-json";
import { CONTEXTS, cosign, federationKeys, type Seal } from "@gaiaftcl/witness";
import { encodeBase64, generateKeyPair, type PrivateKey, sign } from "@gaiaftcl/witness/ed25519";
import { describe, expect, it } from "vitest";
import { alice, bob, MemorySealer, Scratch, TestCell, until } from "./cell.testing.js";
import { FranklinClient, type FranklinClientOptions } from "./client.js";
import { encodeFrame } from "./frame.js";
import { challengeText } from "./message.js";

const failsWith = (code: string): unknown =>
  expect.objectContaining({ name: "FranklinError", code });

/** A server that is none: it does with each connection what the test says. */
class Impostor implements AsyncDisposable {
  readonly scratch: Scratch;
  readonly received: Buffer[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(scratch: Scratch, server: Server) {
    this.scratch = scratch;
    this.#server = server;
  }

  static async listen(greet: (socket: Socket) => void): Promise<Impostor> {
    const scratch = await Scratch.create();
    const server = createServer();
    const impostor = new Impostor(scratch, server);
    server.on("connection", (socket) => {
      impostor.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("data", (chunk: Buffer) => impostor.received.push(chunk));
      greet(socket);
    });
    await new Promise<void>((resolve) => server.listen(scratch.socketPath, resolve));
    return impostor;
  }

  connect(overrides: Partial<FranklinClientOptions> = {}): Promise<FranklinClient> {
    return FranklinClient.connect({
      socketPath: this.scratch.socketPath,
      operatorContext: "alice",
      privateKey: alice.privateKey,
      timeoutMs: 20_000,
      ...overrides,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.scratch[Symbol.asyncDispose]();
  }
}

const challenge = (fill: number): Uint8Array =>
  encodeFrame(challengeText(encodeBase64(new Uint8Array(32).fill(fill))));

describe("the verbs", () => {
  it("send their arguments under the names of the format, and only those that are given", async () => {
    await using cell = await TestCell.start();
    await using client = await cell.connect();
    await client.franklinAuthorityShow();
    await client.composeQc020Measurement();
    await client.composeQc020Measurement({
      sessionSeedHex: "ab",
      extranonceCount: 2,
      noncesPerExtranonce: 3,
    });
    await client.advanceProductionSubmissionPath({ submissionId: "s1", sessionId: "x" });
    await client.evaluateAlgorithm({ algorithm: "leading_zero_geometric" });
    await client.evaluateAllAlgorithms();
    await client.evaluateAllAlgorithms({ sessionId: "x" });
    await client.replaySession("x");
    expect(cell.sealer.rows.map((row) => `${row["method"]} ${row["args_json"]}`)).toEqual([
      "franklin_authority_show {}",
      "compose_qc020_measurement {}",
      'compose_qc020_measurement {"extranonce_count":2,"nonces_per_extranonce":3,"session_seed_hex":"ab"}',
      'advance_production_submission_path {"session_id":"x","submission_id":"s1"}',
      'evaluate_algorithm {"algorithm":"leading_zero_geometric"}',
      "evaluate_all_algorithms {}",
      'evaluate_all_algorithms {"session_id":"x"}',
      'replay_session {"session_id":"x"}',
    ]);
  });
});

describe("a client", () => {
  it("makes many requests side by side and gets each its own answer", async () => {
    await using cell = await TestCell.start();
    await using client = await cell.connect();
    const answers = await Promise.all(
      Array.from({ length: 500 }, async (_, index) => {
        const { outcome } = await client.request("m", { index });
        return encode(outcome["args"]);
      }),
    );
    expect(answers).toEqual(answers.map((_, index) => `{"index":${index}}`));
  });

  it("carries a request and a response of megabytes", async () => {
    await using cell = await TestCell.start();
    await using client = await cell.connect();
    const text = "é".repeat(3_000_000);
    const { outcome } = await client.request("m", { text });
    expect(outcome["args"]).toEqual({ text });
  });

  it("signs by a key it does not hold, where it is given a signer", async () => {
    await using cell = await TestCell.start();
    const signed: Uint8Array[] = [];
    await using client = await cell.connect({
      privateKey: {
        publicKey: alice.publicKey,
        sign: async (bytes) => {
          signed.push(bytes);
          return sign(alice.privateKey, bytes);
        },
      },
    });
    expect((await client.request("m")).report.ok).toBe(true);
    expect(signed).toHaveLength(1);
    const unwilling = cell.connect({
      privateKey: {
        publicKey: alice.publicKey,
        sign: () => Promise.reject(new Error("not now")),
      },
    });
    await expect(unwilling).rejects.toThrow(failsWith("CHALLENGE_REFUSED"));
  });

  it("is told why it is refused", async () => {
    await using cell = await TestCell.start();
    const { privateKey } = bob;
    await expect(cell.connect({ privateKey })).rejects.toThrow(failsWith("HANDSHAKE_REFUSED"));
    await expect(cell.connect({ privateKey })).rejects.toThrow(/SIGNATURE_INVALID/);
    await expect(cell.connect({ operatorContext: "mallory" })).rejects.toThrow(/OPERATOR_UNKNOWN/);
  });

  it("takes a path, what names an operator, keys, and positive times", async () => {
    await using cell = await TestCell.start();
    for (const overrides of [
      { operatorContext: "" },
      { operatorContext: "a\nb" },
      { operatorContext: undefined as unknown as string },
      { socketPath: undefined as unknown as string },
      { privateKey: "-----BEGIN PRIVATE KEY-----" as unknown as PrivateKey },
      { knownWitnessHashes: "07".repeat(32) },
      { timeoutMs: 0 },
      { timeoutMs: Number.NaN },
      { requestTimeoutMs: 2 ** 31 },
    ]) {
      await expect(cell.connect(overrides)).rejects.toThrow(failsWith("OPTION_INVALID"));
    }
    expect(cell.server.stats().connected).toBe(0);
  });

  it("refuses a challenge that is a witness hash it knows, told in either way", async () => {
    const hash = "07".repeat(32);
    await using impostor = await Impostor.listen((socket) => socket.write(challenge(7)));
    for (const knownWitnessHashes of [[hash], new Set([hash])]) {
      await expect(impostor.connect({ knownWitnessHashes })).rejects.toThrow(
        failsWith("CHALLENGE_REFUSED"),
      );
    }
    expect(Buffer.concat(impostor.received)).toHaveLength(0);
  });

  it("signs once a connection, whatever is asked of it", async () => {
    await using impostor = await Impostor.listen((socket) => {
      socket.write(challenge(1));
      socket.once("data", () => socket.write(challenge(2)));
    });
    await expect(impostor.connect()).rejects.toThrow(failsWith("PROTOCOL_VIOLATION"));
    const text = Buffer.concat(impostor.received).toString("latin1");
    expect(text.match(/signature/g)).toHaveLength(1);
  });

  it("does not sign for a socket that took the place of the one it checked", async () => {
    await using impostor = await Impostor.listen(() => undefined);
    await using other = await Impostor.listen(() => undefined);
    const { socketPath } = impostor.scratch;
    let greeted: Socket | undefined;
    await using greeter = await Impostor.listen((socket) => {
      greeted = socket;
    });
    await rename(greeter.scratch.socketPath, socketPath);
    const connecting = impostor.connect();
    await until(() => greeted !== undefined);
    await rename(other.scratch.socketPath, socketPath);
    greeted?.write(challenge(1));
    await expect(connecting).rejects.toThrow(failsWith("SOCKET_UNSAFE"));
    expect(Buffer.concat(greeter.received)).toHaveLength(0);
  });

  it("does not sign when the directory was opened to others meanwhile", async () => {
    await using impostor = await Impostor.listen((socket) => {
      void chmod(impostor.scratch.directory, 0o755).then(() => socket.write(challenge(1)));
    });
    await expect(impostor.connect()).rejects.toThrow(failsWith("SOCKET_UNSAFE"));
    expect(Buffer.concat(impostor.received)).toHaveLength(0);
  });

  it("gives up on a server that says nothing, or stops when it is told to", async () => {
    await using impostor = await Impostor.listen(() => undefined);
    await expect(impostor.connect({ timeoutMs: 30 })).rejects.toThrow(failsWith("TIMEOUT"));
    const reason = new Error("changed my mind");
    const controller = new AbortController();
    const connecting = impostor.connect({ signal: controller.signal });
    controller.abort(reason);
    await expect(connecting).rejects.toBe(reason);
    await expect(impostor.connect({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it.each([
    ["hangs up", (socket: Socket) => socket.destroy(), "SERVER_GONE"],
    ["greets with garbage", (socket: Socket) => socket.write("GET / HTTP/1.1"), "FRAME_TOO_LARGE"],
    ["greets with no JSON", (socket: Socket) => socket.write(encodeFrame("{")), "FRAME_INVALID"],
  ])("of a server that %s says what happened", async (_, greet, code) => {
    await using impostor = await Impostor.listen((socket) => {
      greet(socket);
    });
    await expect(impostor.connect()).rejects.toThrow(failsWith(code));
  });

  it("waits for a place and gives up with the server's word when there is none in time", async () => {
    await using cell = await TestCell.start({ limits: { connections: 1 } });
    const first = await cell.connect();
    await expect(cell.connect({ timeoutMs: 60 })).rejects.toThrow(failsWith("BUSY"));
    const waiting = cell.connect();
    await until(() => cell.server.stats().turnedAway >= 2);
    await first.close();
    await using second = await waiting;
    expect((await second.request("m")).outcome.status).toBe("ok");
  });

  it("does not take a response that was tampered with, and ends the connection", async () => {
    const sealer = new MemorySealer();
    await using cell = await TestCell.start({
      seal: (columns) => ({ ...sealer.seal(columns), witnessHash: "0".repeat(64) }),
    });
    await using client = await cell.connect();
    const waiting = Promise.allSettled([client.request("m"), client.request("m")]);
    for (const result of await waiting) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "RESPONSE_UNVERIFIED" } });
    }
    await client.closed;
    expect(client.error).toMatchObject({
      code: "RESPONSE_UNVERIFIED",
      report: { ok: false, table: "franklin_commands" },
    });
    await expect(client.request("m")).rejects.toThrow(failsWith("RESPONSE_UNVERIFIED"));
  });

  it("does not take the response of an earlier connection", async () => {
    const sealer = new MemorySealer();
    let first: ReturnType<typeof sealer.seal> | undefined;
    await using cell = await TestCell.start({
      seal: (columns) => {
        first ??= sealer.seal(columns);
        return first;
      },
    });
    await using before = await cell.connect();
    expect((await before.request("m")).report.ok).toBe(true);
    await using client = await cell.connect();
    await expect(client.request("m")).rejects.toThrow(failsWith("RESPONSE_UNVERIFIED"));
  });

  it("with federation keys takes only responses that all five have signed, unless told otherwise", async () => {
    const pairs = CONTEXTS.map((context) => [context, generateKeyPair()] as const);
    const keys = federationKeys(pairs.map(([context, { publicKey }]) => [context, publicKey]));
    const sealer = new MemorySealer();
    const identity = { cellId: "test-cell", domainId: "test-domain" };
    await using signing = await TestCell.start({
      seal: (columns) =>
        pairs.reduce(
          (seal, [context, { privateKey }]) => cosign(identity, seal, context, privateKey),
          sealer.seal(columns) as Seal,
        ),
    });
    await using client = await signing.connect({ federationKeys: keys });
    expect((await client.request("m")).report.level).toBe("signed");
    await using unsigned = await TestCell.start();
    await using strict = await unsigned.connect({ federationKeys: keys });
    await expect(strict.request("m")).rejects.toThrow(failsWith("RESPONSE_UNVERIFIED"));
    await using lenient = await unsigned.connect({
      federationKeys: keys,
      requireSignedResponses: false,
    });
    expect((await lenient.request("m")).report.level).toBe("facets");
  });
});

describe("a request", () => {
  it("can be left, by signal or time, without harm to others or to its late response", async () => {
    const releases: (() => void)[] = [];
    await using cell = await TestCell.start({
      handler: async ({ method }) => {
        if (method === "slow") await new Promise<void>((resolve) => releases.push(resolve));
        return { status: "ok" };
      },
    });
    await using client = await cell.connect();
    const controller = new AbortController();
    const left = client.request("slow", {}, { signal: controller.signal });
    const late = client.request("slow", {}, { timeoutMs: 20 });
    const failed = expect(late).rejects.toThrow(failsWith("TIMEOUT"));
    await until(() => releases.length === 2);
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(left).rejects.toBe(reason);
    await failed;
    for (const release of releases) release();
    expect((await client.request("quick")).outcome.status).toBe("ok");
    await until(() => cell.sealer.rows.length === 3);
    expect((await client.request("quick")).outcome.status).toBe("ok");
    expect(client.error).toBeUndefined();
  });

  it("is not sent at all if its signal is aborted before", async () => {
    await using cell = await TestCell.start();
    await using client = await cell.connect();
    const reason = new Error("never mind");
    await expect(client.request("m", {}, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    expect(cell.server.stats().requests).toBe(0);
  });

  it("with arguments that cannot be sent fails alone", async () => {
    await using cell = await TestCell.start();
    await using client = await cell.connect();
    await expect(client.request("m", { n: 2n ** 60n })).rejects.toThrow(failsWith("ARGS_INVALID"));
    await expect(client.request("m", { t: "\ud800" })).rejects.toThrow(failsWith("ARGS_INVALID"));
    expect((await client.request("m", { n: 1.5 })).outcome.status).toBe("ok");
  });

  it("that waits when the client or the server ends is rejected with the reason", async () => {
    const never = { handler: () => new Promise<never>(() => undefined), limits: { closeMs: 20 } };
    await using cell = await TestCell.start(never);
    const client = await cell.connect();
    const waiting = client.request("m");
    const failed = expect(waiting).rejects.toThrow(failsWith("CLOSED"));
    await until(() => cell.server.stats().inFlight === 1);
    await client.close();
    await client.close();
    await failed;
    await expect(client.request("m")).rejects.toThrow(failsWith("CLOSED"));

    await using other = await cell.connect();
    const answered = other.request("m");
    await until(() => cell.server.stats().inFlight === 2);
    await cell.server.close();
    expect((await answered).outcome).toMatchObject({ status: "blocked", code: "CLOSED" });
    await other.closed;
    expect(other.error).toMatchObject({ code: "WITHDRAWN" });
    await expect(cell.connect()).rejects.toThrow(failsWith("SOCKET_MISSING"));
  });
});

it("says so when it may not use the socket", async () => {
  await using cell = await TestCell.start();
  const directory = join(cell.scratch.directory, "franklin.sock", "below");
  await expect(cell.connect({ socketPath: directory })).rejects.toThrow(failsWith("SOCKET_UNSAFE"));
});
