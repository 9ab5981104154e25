import { readdirSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EventAdapter } from "./adapter.js";
import type { DeliveryFailure } from "./delivery.js";
import type { EventBatch } from "./event-batch.js";
import { EventBus } from "./event-bus.js";
import { EventBusError } from "./event-bus-error.js";
import { ProducerIdentity } from "./producer-identity.js";
import { shardOf } from "./shard-selection.js";
import { StreamBackend } from "./stream-backend.testing.js";

const fast = { baseDelayMs: 1, maxDelayMs: 2 };
const down = (): never => {
  throw new EventBusError("TRANSIENT", "connection refused");
};

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "event-bus-"));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

describe("a lane", () => {
  // A lane that has just found its ring empty takes some steps to end. What comes in during any of
  // them must not be left lying.
  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16])(
    "takes up what comes in %i steps after it got the last batch through",
    async (steps) => {
      const backend = new StreamBackend();
      const appended = Promise.withResolvers<void>();
      const adapter: EventAdapter = {
        name: "held back",
        append: async (batch) => {
          await backend.append(batch);
          if (batch.sequenceStart === 0) await appended.promise;
        },
        read: (request) => backend.read(request),
        close: () => Promise.resolve(),
      };
      await using bus = new EventBus({ numShards: 1, adapter });
      bus.ingestRaw("1");
      await expect.poll(() => backend.texts(0)).toEqual(["1"]);
      appended.resolve();
      for (let i = 0; i < steps; i += 1) await undefined;
      bus.ingestRaw("2");
      await bus.flush({ signal: AbortSignal.timeout(20_000) });
      expect(backend.texts(0)).toEqual(["1", "2"]);
    },
  );
});

describe("a failing adapter", () => {
  it("gets the same batch, with the same ids, until it takes it; the failures are told", async () => {
    const backend = new StreamBackend();
    const tried: string[] = [];
    let failures = 3;
    const adapter: EventAdapter = {
      name: "flaky",
      append: (batch: EventBatch) => {
        tried.push(`${batch.dedupId(0)} ${batch.envelope(0)}`);
        failures -= 1;
        if (failures >= 0) throw new Error("broken pipe");
        return backend.append(batch);
      },
      read: (request) => backend.read(request),
      close: () => Promise.resolve(),
    };
    const told: DeliveryFailure[] = [];
    const recovered: number[] = [];
    await using bus = new EventBus({ numShards: 1, adapter, retry: fast });
    bus.on("error", (failure) => told.push(failure));
    bus.on("recovered", ({ shardId }) => recovered.push(shardId));
    bus.ingestRaw("1");
    await bus.flush();
    expect(tried).toEqual(Array(4).fill(tried[0]));
    expect(tried[0]).toMatch(new RegExp(`^${bus.nonce}:0:0:0 {"r":1,"t":[0-9]+,"s":0}$`));
    expect(
      told.map(({ attempt, outcome, events, error }) => [attempt, outcome, events, error.code]),
    ).toEqual([
      [1, "retry", 1, "TRANSIENT"],
      [2, "retry", 1, "TRANSIENT"],
      [3, "retry", 1, "TRANSIENT"],
    ]);
    expect([recovered, bus.stats().retries, bus.stats().failingShards]).toEqual([[0], 3, []]);
    expect(backend.texts(0)).toEqual(["1"]);
  });

  it("does not stop the other shards, and shows which shards it fails for", async () => {
    const backend = new StreamBackend();
    backend.fail = (what, shardId) => {
      if (what === "append" && shardId === 0) down();
    };
    const bus = new EventBus({ numShards: 2, adapter: backend, retry: fast });
    for (let i = 0; i < 100; i += 1) bus.ingestRaw(String(i));
    const stuck = Array.from({ length: 100 }, (_, i) => String(i)).filter(
      (text) => shardOf(text, 2) === 0,
    );
    await expect.poll(() => backend.texts(1).length).toBe(100 - stuck.length);
    expect(bus.stats()).toMatchObject({ failingShards: [0], delivered: 100 - stuck.length });
    expect(bus.stats().queued + bus.stats().inFlight).toBe(stuck.length);
    backend.fail = () => undefined;
    await bus.flush();
    expect(backend.texts(0)).toEqual(stuck);
    await bus.close();
  });

  it("loses what it refuses for good, which is counted and told", async () => {
    const backend = new StreamBackend();
    backend.fail = () => {
      throw new EventBusError("FATAL", "WRONGTYPE");
    };
    const told: DeliveryFailure[] = [];
    const bus = new EventBus({ numShards: 1, adapter: backend });
    bus.on("error", (failure) => told.push(failure));
    bus.on("error", () => {
      throw new TypeError("a listener's own mistake");
    });
    bus.ingestRawBatch(["1", "2"]);
    await expect(bus.flush()).rejects.toMatchObject({ code: "UNDELIVERED" });
    expect(told.map(({ outcome, events }) => [outcome, events])).toEqual([["failed", 2]]);
    expect(await bus.close()).toMatchObject({ failed: 2, delivered: 0, undelivered: 0 });
  });

  it("is given up after as many attempts as the bus was told", async () => {
    const backend = new StreamBackend();
    let appends = 0;
    backend.fail = () => {
      appends += 1;
      down();
    };
    const bus = new EventBus({ numShards: 1, adapter: backend, retry: { ...fast, attempts: 3 } });
    bus.ingestRaw("1");
    await expect(bus.flush()).rejects.toMatchObject({ code: "UNDELIVERED" });
    expect([appends, bus.stats().failed, bus.stats().retries]).toEqual([3, 1, 2]);
    await bus.close();
  });

  it("that never answers is given a limited time", async () => {
    const backend = new StreamBackend();
    let appends = 0;
    backend.fail = () => {
      appends += 1;
      return appends === 1 ? new Promise(() => undefined) : undefined;
    };
    const codes: string[] = [];
    const bus = new EventBus({ numShards: 1, adapter: backend, retry: fast, appendTimeoutMs: 5 });
    bus.on("error", ({ error }) => codes.push(error.code));
    bus.ingestRaw("1");
    await bus.flush();
    expect([codes, backend.texts(0)]).toEqual([["TIMEOUT"], ["1"]]);
    await bus.close();
  });

  it("leaves a closing bus to say what it could not deliver", async () => {
    const backend = new StreamBackend();
    backend.fail = down;
    const bus = new EventBus({ numShards: 1, adapter: backend, retry: fast });
    bus.ingestRawBatch(["1", "2", "3"]);
    await expect.poll(() => bus.stats().retries).toBeGreaterThan(0);
    bus.ingestRawBatch(["4", "5"]);
    expect(await bus.close({ timeoutMs: 10 })).toMatchObject({
      ingested: 5,
      delivered: 0,
      undelivered: 5,
      uncertain: 0,
      queued: 0,
      inFlight: 0,
    });
    await expect(bus[Symbol.asyncDispose]()).rejects.toMatchObject({
      code: "UNDELIVERED",
      message: expect.stringContaining("5 events were not delivered"),
    });
  });

  it("counts what was under way when the bus closed as uncertain", async () => {
    const backend = new StreamBackend();
    backend.fail = () => new Promise(() => undefined);
    const bus = new EventBus({ numShards: 1, adapter: backend });
    bus.ingestRawBatch(["1", "2"]);
    expect(await bus.close({ timeoutMs: 5 })).toMatchObject({ undelivered: 2, uncertain: 2 });
  });

  it("is waited out by flush, until the caller has enough", async () => {
    const backend = new StreamBackend();
    backend.fail = down;
    const bus = new EventBus({ numShards: 2, adapter: backend, retry: fast });
    bus.ingestRawBatch(["1", "2", "3"]);
    await expect(bus.flush({ signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
      code: "ABORTED",
    });
    await expect(bus.flush({ signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "ABORTED",
    });
    const flushed = bus.flush();
    backend.fail = () => undefined;
    await flushed;
    expect(bus.stats()).toMatchObject({ delivered: 3, queued: 0, inFlight: 0 });
    await bus.close();
  });

  it("delivers every accepted event once and in order, whenever it fails and however often", async () => {
    const outcome = fc.constantFrom("ok", "ok", "transient", "hang", "late");
    await fc.assert(
      fc.asyncProperty(
        fc.array(outcome, { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 6 }),
        async (outcomes, bursts) => {
          const backend = new StreamBackend();
          backend.fail = async (what) => {
            const next = what === "append" ? outcomes.shift() : "ok";
            if (next === "transient") down();
            if (next === "hang") await new Promise(() => undefined);
            if (next === "late") await new Promise((resolve) => setTimeout(resolve, 1));
          };
          const bus = new EventBus({
            numShards: 3,
            adapter: backend,
            retry: fast,
            appendTimeoutMs: 10,
          });
          let count = 0;
          for (const burst of bursts) {
            for (let i = 0; i < burst; i += 1) bus.ingestRaw(String(count++));
            await new Promise(setImmediate);
          }
          await bus.flush();
          const stored = [0, 1, 2].map((shard) => backend.texts(shard).map(Number));
          for (const numbers of stored) expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
          expect(stored.flat().toSorted((a, b) => a - b)).toEqual([...Array(count).keys()]);
          expect(await bus.close()).toMatchObject({ delivered: count, undelivered: 0 });
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("a producer", () => {
  it("has a nonce of its own by default, so that two buses never use the same dedup ids", () => {
    const nonces = Array.from({ length: 100 }, () => new ProducerIdentity().nonce);
    expect(new Set(nonces).size).toBe(100);
    for (const nonce of nonces) expect(nonce).toMatch(/^[1-9a-f][0-9a-f]{0,15}$/);
  });

  it("numbers the events of each shard without gaps", () => {
    const producer = new ProducerIdentity();
    expect([
      producer.take(0, 5),
      producer.take(0, 2),
      producer.take(1, 1),
      producer.take(0, 1),
    ]).toEqual([0, 5, 0, 7]);
  });

  it("keeps the nonce of its file, and never uses a number again", async () => {
    const path = join(directory, "nonce");
    const first = new ProducerIdentity(path);
    const file = await readFile(path);
    expect([file.length, file[0]]).toEqual([9, 1]);
    expect(file.readBigUInt64LE(1).toString(16)).toBe(first.nonce);
    expect([first.take(0, 10), first.take(0, 1)]).toEqual([0, 10]);
    const second = new ProducerIdentity(path);
    const third = new ProducerIdentity(path);
    expect([second.nonce, third.nonce]).toEqual([first.nonce, first.nonce]);
    expect([second.take(0, 1), third.take(0, 1)]).toEqual([2 ** 32, 2 ** 33]);
    // A shard that uses up the numbers of its run goes on in a run that nobody else has.
    expect(first.take(0, 2 ** 32 - 11)).toBe(11);
    expect(first.take(0, 1)).toBe(3 * 2 ** 32);
    expect(second.take(0, 1)).toBe(2 ** 32 + 1);
    expect(readdirSync(directory).filter((name) => name.startsWith("nonce"))).toEqual([
      "nonce",
      "nonce.run.3",
    ]);
  });

  it("reads a file written by the reference", async () => {
    const path = join(directory, "theirs");
    await writeFile(path, Buffer.from("010807060504030201", "hex"));
    expect(new ProducerIdentity(path).nonce).toBe("102030405060708");
  });

  it("refuses a file that is none, and a place where there can be none", async () => {
    const contents = ["", "01", "0208070605040302ff", "010000000000000000", "01080706050403020100"];
    for (const [i, hex] of contents.entries()) {
      const path = join(directory, `bad${i}`);
      await writeFile(path, Buffer.from(hex, "hex"));
      expect(() => new ProducerIdentity(path)).toThrow(
        expect.objectContaining({
          code: "STORAGE",
          message: expect.stringContaining(`failed to load/create producer-nonce file at ${path}`),
        }),
      );
    }
    expect(() => new ProducerIdentity(join(directory, "missing", "nonce"))).toThrow(EventBusError);
    expect(() => new EventBus({ producerNoncePath: directory })).toThrow(EventBusError);
  });
});
