import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { chunkOf } from "./chunk.js";
import { EventBatch } from "./event-batch.js";
import { EventBus } from "./event-bus.js";
import { EventBusError } from "./event-bus-error.js";
import { fileSpill } from "./spill.js";
import { decodeRecord, encodeRecord } from "./spill-record.js";
import { StreamBackend } from "./stream-backend.testing.js";

const fast = { baseDelayMs: 1, maxDelayMs: 2 };
const down = (): never => {
  throw new EventBusError("TRANSIENT", "connection refused");
};

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "event-bus-spill-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

function batchOf(texts: readonly string[], sequenceStart = 0, from = 0): EventBatch {
  const bytes = Buffer.from(texts.join(""));
  let end = 0;
  const ends = Uint32Array.from(texts, (text) => (end += Buffer.byteLength(text)));
  const order = Uint32Array.from(texts, (_, i) => i * 3);
  const run = {
    bytes,
    start: 0,
    size: bytes.length,
    ends,
    endsFrom: 0,
    first: 0,
    count: texts.length,
    order,
    base: 10n ** 17n,
  };
  return new EventBatch(2, "a1", sequenceStart, chunkOf(run), from);
}

const content = (batch: EventBatch | undefined): unknown =>
  batch && Array.from({ length: batch.count }, (_, i) => [batch.envelope(i), batch.dedupId(i)]);

describe("a record of the spill", () => {
  it("gives back the batch with its texts, times and ids", () => {
    fc.assert(
      fc.property(
        fc.array(fc.json(), { minLength: 1 }),
        fc.nat(2 ** 48),
        fc.nat(),
        (texts, sequence, skipped) => {
          const batch = batchOf(texts, sequence, skipped % texts.length);
          const record = encodeRecord(batch);
          expect(content(decodeRecord(record))).toEqual(content(batch));
          const damaged = Buffer.from(record);
          damaged[skipped % record.length] = (damaged[skipped % record.length] as number) ^ 1;
          expect(decodeRecord(damaged)).toBeUndefined();
          expect(decodeRecord(record.subarray(0, -1))).toBeUndefined();
        },
      ),
    );
  });
});

describe("a record whose checksum is true and whose content is not", () => {
  const record = (change: (record: Buffer) => void): Buffer => {
    const changed = Buffer.from(encodeRecord(batchOf(["1", "[2]"])));
    change(changed);
    changed.writeUInt32LE(crc32(changed.subarray(8)), 4);
    return changed;
  };

  it.each<[string, (record: Buffer) => void]>([
    ["whose ends go back", (bytes) => bytes.writeUInt32LE(9, 46)],
    ["whose last end is not that of the payloads", (bytes) => bytes.writeUInt32LE(3, 54)],
    ["whose times go back", (bytes) => bytes.writeUInt32LE(1, 42)],
    ["numbered beyond 2^53", (bytes) => bytes.writeBigUInt64LE(2n ** 53n, 16)],
  ])("is none when it is one %s", (_, change) => {
    expect(decodeRecord(record(() => undefined))).toBeDefined();
    expect(decodeRecord(record(change))).toBeUndefined();
  });
});

describe("a spill", () => {
  it("takes over while the adapter fails, keeps the order, and is empty in the end", async () => {
    const backend = new StreamBackend();
    backend.fail = (what) => (what === "append" ? down() : undefined);
    const spill = fileSpill({ directory, segmentBytes: 2_000 });
    const bus = new EventBus({
      numShards: 2,
      adapter: backend,
      spill,
      retry: fast,
      ringBufferCapacity: 1_024,
      backpressure: "failProducer",
    });
    const outcomes = new Set<string>();
    bus.on("error", ({ outcome }) => outcomes.add(outcome));
    const texts = Array.from({ length: 20_000 }, (_, i) => String(i));
    for (let i = 0; i < texts.length; i += 500) {
      bus.ingestRawBatch(texts.slice(i, i + 500));
      // Far more than the rings hold: the spill keeps them from running full.
      await bus.writable();
    }
    expect(outcomes).toEqual(new Set(["retry", "spilled"]));
    await expect.poll(() => bus.stats().spillPending).toBeGreaterThan(15_000);
    expect(bus.stats()).toMatchObject({
      ingested: 20_000,
      dropped: 0,
      evicted: 0,
      delivered: 0,
      failed: 0,
    });
    backend.fail = () => undefined;
    await bus.flush();
    for (const shard of [0, 1]) {
      const numbers = backend.texts(shard).map(Number);
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
    expect([...backend.texts(0), ...backend.texts(1)].toSorted()).toEqual(texts.toSorted());
    const ids = [...backend.streams.values()].flat().map(({ dedupId }) => dedupId);
    expect(new Set(ids).size).toBe(20_000);
    expect(bus.stats()).toMatchObject({ delivered: 20_000, spillPending: 0 });
    await bus.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it("keeps what a closing bus could not deliver, for the next process, under the same ids", async () => {
    const backend = new StreamBackend();
    backend.fail = down;
    const first = new EventBus({
      numShards: 2,
      adapter: backend,
      spill: fileSpill({ directory }),
      retry: fast,
    });
    first.ingestRawBatch(["1", "2", "3", "4"]);
    expect(await first.close({ timeoutMs: 20 })).toMatchObject({
      undelivered: 0,
      spillPending: 4,
      spilled: 4,
    });
    backend.fail = () => undefined;
    const second = new EventBus({
      numShards: 2,
      adapter: backend,
      spill: fileSpill({ directory }),
    });
    second.ingestRaw("5");
    await second.flush();
    expect([...backend.texts(0), ...backend.texts(1)].toSorted()).toEqual([
      "1",
      "2",
      "3",
      "4",
      "5",
    ]);
    const ids = [...backend.streams.values()].flat().map(({ dedupId }) => dedupId ?? "");
    expect(ids.filter((id) => id.startsWith(`${first.nonce}:`))).toHaveLength(4);
    expect(await second.close()).toMatchObject({
      ingested: 1,
      recovered: 4,
      delivered: 5,
      spillPending: 0,
    });
  });

  it("forgets a batch that a crash cut off, and nothing else", async () => {
    const spill = fileSpill({ directory });
    await spill.open(3);
    for (let i = 0; i < 3; i += 1) await spill.append(batchOf([`"${i}"`], i), () => undefined);
    await spill.remove(2, () => undefined);
    await spill.close();
    const [name = ""] = (await readdir(directory)).filter((file) => file.endsWith(".spill"));
    const path = join(directory, name);
    const whole = await readFile(path);
    for (const torn of [whole.length + 3, whole.length + 20, whole.length - 1, whole.length - 30]) {
      await writeFile(
        path,
        Buffer.concat([whole, Buffer.from(encodeRecord(batchOf(['"torn"'])))]).subarray(0, torn),
      );
      const again = fileSpill({ directory });
      await again.open(3);
      const first = await again.oldest(2);
      expect(first && [first.text(0), first.sequenceStart]).toEqual(['"1"', 1]);
      expect(again.pending).toBe(torn < whole.length ? 1 : 2);
      await again.close();
    }
  });

  it("does not pass over damage in the middle, nor mix with what is not its own", async () => {
    const spill = fileSpill({ directory });
    await spill.open(3);
    await spill.append(batchOf(['"a"']), () => undefined);
    await spill.append(batchOf(['"b"']), () => undefined);
    await expect(fileSpill({ directory }).open(3)).rejects.toMatchObject({
      code: "STORAGE",
      message: expect.stringContaining("in use"),
    });
    await spill.close();
    await expect(fileSpill({ directory }).open(2)).rejects.toMatchObject({
      message: expect.stringContaining("the bus has 2 shards"),
    });
    const [name = ""] = (await readdir(directory)).filter((file) => file.endsWith(".spill"));
    const path = join(directory, name);
    const bytes = await readFile(path);
    bytes[20] = (bytes[20] as number) ^ 1;
    await writeFile(path, bytes);
    await expect(fileSpill({ directory }).open(3)).rejects.toMatchObject({
      message: expect.stringContaining("damaged at byte 0"),
    });
    await truncate(path, 0);
    await writeFile(join(directory, "lock"), "999999999 1");
    const after = fileSpill({ directory });
    await after.open(3);
    expect(after.pending).toBe(0);
    await after.close();
    await writeFile(join(directory, "lock"), `${process.pid} 1`);
    await after.open(3);
    await after.close();
    await appendFile(join(directory, "notes.txt"), "not ours");
    await after.open(3);
    await after.close();
  });

  it("that is full leaves events in the rings, where the producer's choice holds", async () => {
    const backend = new StreamBackend();
    backend.fail = down;
    const spill = fileSpill({ directory, maxBytes: 2_000 });
    const bus = new EventBus({
      numShards: 1,
      adapter: backend,
      spill,
      retry: fast,
      ringBufferCapacity: 1_024,
      backpressure: "dropNewest",
    });
    let accepted = 0;
    for (let i = 0; i < 200; i += 1) {
      accepted += bus.ingestRawBatch(Array.from({ length: 50 }, () => '"0123456789"'));
      await new Promise(setImmediate);
    }
    const stats = bus.stats();
    expect(stats.dropped).toBeGreaterThan(0);
    expect(stats).toMatchObject({ ingested: accepted, failed: 0 });
    backend.fail = () => undefined;
    await bus.flush();
    expect(backend.texts(0)).toHaveLength(accepted);
    await bus.close();
  });

  it("that cannot be opened keeps the bus from being ready, and says why", async () => {
    const path = join(directory, "file");
    await writeFile(path, "");
    const bus = new EventBus({ numShards: 1, spill: fileSpill({ directory: path }) });
    bus.ingestRaw("1");
    await expect(bus.ready()).rejects.toThrow(/EEXIST|ENOTDIR/);
    await expect(bus.flush()).rejects.toThrow(/EEXIST|ENOTDIR/);
    expect(await bus.close()).toMatchObject({ undelivered: 1 });
  });
});
