import { decode, encode } from "@gaiaftcl/canonical-json";
import { verifyRow } from "@gaiaftcl/sealed-row";
import { CONTEXTS, federationKeys } from "@gaiaftcl/witness";
import { generateKeyPair } from "@gaiaftcl/witness/ed25519";
import { describe, expect, it } from "vitest";
import { alice, bob, type Message, operators, Scratch, TestCell, until } from "./cell.testing.js";
import { FRAME_BYTES } from "./frame.js";
import { ask, gate, reasonOf } from "./peer.testing.js";
import { FranklinServer } from "./server.js";

describe("every request", () => {
  it("is sealed and answered with its row's witness, the refused ones too", async () => {
    const bobOnly = { context: "bob", publicKey: bob.publicKey, verbs: new Set(["m"]) };
    await using cell = await TestCell.start({ operators: new Map([["bob", bobOnly]]) });
    using peer = await cell.peer();
    await peer.handshake("bob", bob.privateKey);
    peer.send(ask("r1", "m", { a: 1.5 }), ask("r2", "other"), { request_id: "r3", method: 7 });
    const answers = new Map<unknown, Message | undefined>();
    while (answers.size < 3) {
      const answer = await peer.next();
      answers.set(answer?.["request_id"], answer);
    }
    expect(answers.get("r1")?.["outcome"]).toMatchObject({ status: "ok", args: { a: 1.5 } });
    expect(answers.get("r2")?.["outcome"]).toMatchObject({ code: "VERB_NOT_ALLOWED" });
    expect(answers.get("r3")?.["outcome"]).toMatchObject({ code: "BAD_REQUEST" });
    const rows = cell.sealer.rows.toSorted((a, b) =>
      `${a["request_id"]}` < `${b["request_id"]}` ? -1 : 1,
    );
    expect(rows).toMatchObject([
      { request_id: "r1", method: "m", args_json: '{"a":1.5}', status: "ok" },
      { request_id: "r2", method: "other", args_json: "{}", status: "refused" },
      { request_id: "r3", method: "7", args_json: "null", status: "refused" },
    ]);
    for (const row of rows) {
      expect(verifyRow("franklin_commands", row).ok).toBe(true);
      const answer = answers.get(row["request_id"]);
      expect(Object.keys(answer ?? {}).toSorted()).toEqual([
        "canonical_witness",
        "outcome",
        "request_id",
        "signature_quintet",
        "witness_hash",
      ]);
      expect(answer).toMatchObject({
        request_id: row["request_id"],
        canonical_witness: row["canonical_witness"],
        witness_hash: row["witness_hash_sha256"],
        signature_quintet: decode(String(row["signature_quintet"])),
      });
      expect(encode(answer?.["outcome"])).toBe(row["outcome_json"]);
      expect(row["operator_context"]).toBe("bob");
    }
  });

  it("is answered when it is done, in whatever order that is", async () => {
    const releases = new Map<unknown, () => void>();
    await using cell = await TestCell.start({
      handler: async ({ requestId }) => {
        await new Promise<void>((resolve) => releases.set(requestId, resolve));
        return { status: "ok" };
      },
    });
    using peer = await cell.peer();
    await peer.handshake();
    peer.send(ask("r1"), ask("r2"));
    await until(() => releases.size === 2);
    releases.get("r2")?.();
    expect(await peer.next()).toMatchObject({ request_id: "r2" });
    releases.get("r1")?.();
    expect(await peer.next()).toMatchObject({ request_id: "r1" });
  });

  it.each([
    ["throws", () => Promise.reject(new Error("out of luck")), "HANDLER_FAILED"],
    ["returns nothing", () => undefined, "HANDLER_FAILED"],
    ["returns another status", () => ({ status: "fine" }), "HANDLER_FAILED"],
    ["returns a refusal without reason", () => ({ status: "refused" }), "HANDLER_FAILED"],
    ["returns what JSON has no form for", () => ({ status: "ok", f: () => 1 }), "HANDLER_FAILED"],
    [
      "returns an integer that is too large",
      () => ({ status: "ok", n: 2n ** 60n }),
      "HANDLER_FAILED",
    ],
    [
      "returns too much",
      () => ({ status: "ok", text: "x".repeat(FRAME_BYTES) }),
      "RESPONSE_TOO_LARGE",
    ],
  ])("whose handler %s is sealed as blocked", async (_, handler, code) => {
    await using cell = await TestCell.start({ handler: handler as () => never });
    await using client = await cell.connect();
    const { outcome, report } = await client.request("m");
    expect(outcome).toMatchObject({ status: "blocked", code });
    expect(report.ok).toBe(true);
    expect(cell.sealer.rows).toHaveLength(1);
  });

  it("that takes too long is blocked, its handler told so, and its late outcome ignored", async () => {
    const held = gate();
    await using cell = await TestCell.start({ handler: held.handler, limits: { requestMs: 30 } });
    await using client = await cell.connect();
    const { outcome } = await client.request("m");
    expect(outcome).toMatchObject({ status: "blocked", code: "TIMEOUT" });
    expect(held.contexts[0]?.signal.aborted).toBe(true);
    held.open();
    expect((await client.request("m")).outcome.status).toBe("ok");
    expect(cell.sealer.rows.map((row) => row["status"])).toEqual(["blocked", "ok"]);
  });

  it("that cannot be sealed fails with the reason, and the next one may succeed", async () => {
    let isFull = true;
    await using cell = await TestCell.start({
      seal: async (columns) => {
        if (isFull) throw new Error("database or disk is full");
        return cell.sealer.seal(columns);
      },
    });
    await using client = await cell.connect();
    await expect(client.request("m")).rejects.toThrow(
      expect.objectContaining({
        code: "SEAL_FAILED",
        message: expect.stringContaining("database or disk is full"),
      }),
    );
    isFull = false;
    expect((await client.request("m")).report.ok).toBe(true);
  });

  it("beyond 128 in flight waits in the socket, and all are answered", async () => {
    const held = gate();
    await using cell = await TestCell.start({ handler: held.handler });
    using peer = await cell.peer();
    await peer.handshake();
    const ids = Array.from({ length: 300 }, (_, index) => `r${index}`);
    peer.send(...ids.map((id) => ask(id)));
    await until(() => held.contexts.length === 128);
    expect(cell.server.stats().inFlight).toBe(128);
    held.open();
    const answered = new Set<unknown>();
    while (answered.size < ids.length) answered.add((await peer.next())?.["request_id"]);
    expect(answered).toEqual(new Set(ids));
    expect(cell.server.stats()).toMatchObject({ inFlight: 0, requests: 300 });
  });
});

describe("close", () => {
  it("answers what is in flight, tells the handlers, and lets nobody in", async () => {
    await using cell = await TestCell.start({
      handler: async (_, { signal }) => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return { status: "blocked", code: "STOPPED", reason: "told to stop" };
      },
    });
    using peer = await cell.peer();
    await peer.handshake();
    using silent = await cell.peer();
    await silent.next();
    peer.send(ask("r1"));
    await until(() => cell.server.stats().inFlight === 1);
    await cell.server.close();
    expect(await peer.rest()).toMatchObject([
      { request_id: "r1", outcome: { code: "STOPPED" } },
      reasonOf("CLOSED"),
    ]);
    expect(await silent.rest()).toEqual([reasonOf("CLOSED")]);
    expect(cell.sealer.rows).toHaveLength(1);
    expect(cell.server.stats().connections).toBe(0);
  });

  it("does not wait for ever for a handler that does not stop", async () => {
    const held = gate();
    await using cell = await TestCell.start({ handler: held.handler, limits: { closeMs: 30 } });
    using peer = await cell.peer();
    await peer.handshake();
    peer.send(ask("r1"));
    await until(() => held.contexts.length === 1);
    await Promise.all([cell.server.close(), cell.server.close()]);
    expect(await peer.next()).toMatchObject({ outcome: { status: "blocked", code: "CLOSED" } });
    expect(cell.sealer.rows).toHaveLength(1);
    held.open();
  });

  it("does not wait for ever for a seal that does not come", async () => {
    await using cell = await TestCell.start({
      seal: () => new Promise(() => undefined),
      limits: { closeMs: 30 },
    });
    using peer = await cell.peer();
    await peer.handshake();
    peer.send(ask("r1"));
    await until(() => cell.server.stats().inFlight === 1);
    await cell.server.close();
    expect(await peer.next()).toBeUndefined();
  });

  it("waits for the commands of operators who are gone already", async () => {
    const held = gate();
    await using cell = await TestCell.start({ handler: held.handler });
    using peer = await cell.peer();
    await peer.handshake();
    peer.send(ask("r1"));
    await until(() => held.contexts.length === 1);
    peer.socket.destroy();
    await until(() => cell.server.stats().connections === 0);
    const closed = cell.server.close();
    held.open();
    await closed;
    expect(cell.sealer.rows).toMatchObject([{ request_id: "r1", status: "ok" }]);
  });

  it("comes with the abort of the signal", async () => {
    const controller = new AbortController();
    await using cell = await TestCell.start({ signal: controller.signal });
    using peer = await cell.peer();
    await peer.handshake();
    controller.abort();
    expect(await peer.rest()).toEqual([reasonOf("CLOSED")]);
    const reason = new Error("not today");
    await expect(TestCell.start({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe("operators", () => {
  it("can be replaced while the server runs", async () => {
    await using cell = await TestCell.start({ operators: operators("alice", "bob") });
    using peer = await cell.peer();
    await peer.handshake();
    await using client = await cell.connect({ operatorContext: "bob", privateKey: bob.privateKey });
    cell.server.setOperators(operators("bob"));
    expect(await peer.rest()).toEqual([reasonOf("OPERATOR_UNKNOWN")]);
    expect((await client.request("m")).outcome.status).toBe("ok");
    await expect(cell.connect()).rejects.toThrow(
      expect.objectContaining({ code: "HANDSHAKE_REFUSED" }),
    );
  });

  it("must not have a federation key, neither at the start nor later", async () => {
    const [first, ...others] = CONTEXTS.map((context) => [context, generateKeyPair()] as const);
    const keys = federationKeys(
      [[CONTEXTS[0], alice.publicKey] as const].concat(
        others.map(([context, { publicKey }]) => [context, publicKey] as never),
      ),
    );
    expect(first?.[0]).toBe(CONTEXTS[0]);
    await using scratch = await Scratch.create();
    const refusal = expect.objectContaining({ code: "FEDERATION_KEY" });
    await expect(
      FranklinServer.listen({
        socketPath: scratch.socketPath,
        operators: operators("alice"),
        federationKeys: keys,
        handler: () => ({ status: "ok" }),
        seal: () => ({ canonicalWitness: "", witnessHash: "", quintet: [] }),
      }),
    ).rejects.toThrow(refusal);
    await using cell = await TestCell.start({ operators: operators("bob"), federationKeys: keys });
    expect(() => cell.server.setOperators(operators("alice"))).toThrow(refusal);
    await expect(
      cell.connect({ operatorContext: "bob", privateKey: alice.privateKey, federationKeys: keys }),
    ).rejects.toThrow(refusal);
    expect(cell.server.stats().connected).toBe(0);
  });
});

it("refuses limits that are no positive whole numbers", async () => {
  for (const inFlight of [0, -1, 1.5, Number.NaN, 2 ** 31]) {
    await expect(TestCell.start({ limits: { inFlight } })).rejects.toThrow(
      expect.objectContaining({ code: "OPTION_INVALID" }),
    );
  }
});
