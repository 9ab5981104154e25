import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { RedexFileOptions } from "./options.js";
import { Redex } from "./redex.js";
import type { RedexFile } from "./redex-file.js";
import { SimulatedDisk } from "./simulated-disk.testing.js";

const event = new Uint8Array(100);

async function open(
  options: RedexFileOptions,
): Promise<{ readonly disk: SimulatedDisk; readonly file: RedexFile }> {
  const disk = new SimulatedDisk();
  const redex = await Redex.open("/", { storage: disk });
  return { disk, file: await redex.openFile("a", options) };
}

/** How many events are there after a power cut that takes all that was not fsynced. */
async function lasting(disk: SimulatedDisk): Promise<number> {
  const redex = await Redex.open("/", { storage: disk.cutPower(() => 0) });
  return (await redex.openFile("a")).length;
}

describe("an fsync policy", () => {
  it("of none leaves it to sync and close", async () => {
    const { disk, file } = await open({});
    for (let n = 0; n < 30; n += 1) file.append(event);
    await delay(20);
    expect(file.fsyncs).toBe(0);
    expect(file.durableSeq).toBe(0n);
    await file.sync();
    expect(file.fsyncs).toBe(1);
    file.append(event);
    expect(file.durableSeq).toBe(30n);
    expect(await lasting(disk)).toBe(30);
  });

  it("of every N events loses N - 1 at most, beside those in flight", async () => {
    const { disk, file } = await open({ fsyncEveryN: 10 });
    for (let n = 0; n < 39; n += 1) {
      file.append(event);
      if (n % 10 === 9) await expect.poll(() => file.durableSeq).toBe(BigInt(n + 1));
    }
    expect(file.fsyncs).toBe(3);
    expect(await lasting(disk)).toBe(30);
  });

  it("of every N events counts a batch by its events, and fsyncs once for it", async () => {
    const { file } = await open({ fsyncEveryN: 10 });
    file.appendBatch(Array.from({ length: 25 }, () => event));
    await expect.poll(() => file.durableSeq).toBe(25n);
    expect(file.fsyncs).toBe(1);
    for (let n = 0; n < 9; n += 1) file.append(event);
    await delay(20);
    expect(file.fsyncs).toBe(1);
  });

  it("of every event makes one run of what comes while one runs", async () => {
    const { file } = await open({ fsyncEveryN: 1 });
    for (let n = 0; n < 30; n += 1) file.append(event);
    await expect.poll(() => file.durableSeq).toBe(30n);
    expect(file.fsyncs).toBeLessThanOrEqual(2);
  });

  it("of an interval fsyncs what is new, and nothing where nothing is", async () => {
    const { disk, file } = await open({ fsyncIntervalMs: 5 });
    file.append(event);
    await expect.poll(() => file.durableSeq).toBe(1n);
    const before = file.fsyncs;
    await delay(30);
    expect(file.fsyncs).toBe(before);
    file.append(event);
    await expect.poll(() => file.durableSeq).toBe(2n);
    expect(await lasting(disk)).toBe(2);
  });

  it("of an interval or a number of bytes fsyncs when the bytes are there", async () => {
    const { file } = await open({ fsyncIntervalMs: 1_000_000, fsyncMaxBytes: 1_000 });
    for (let n = 0; n < 7; n += 1) file.append(event);
    await delay(20);
    expect(file.fsyncs).toBe(0);
    file.append(event);
    await expect.poll(() => file.durableSeq).toBe(8n);
  });

  it("shares one fsync among all who wait for one", async () => {
    const { disk, file } = await open({});
    const numbers = await Promise.all(Array.from({ length: 64 }, () => file.appendDurable(event)));
    expect(numbers.at(-1)).toBe(63n);
    expect(file.fsyncs).toBeLessThanOrEqual(2);
    expect(await file.appendBatchDurable([event, event])).toBe(64n);
    expect(await file.appendBatchDurable([])).toBeNull();
    expect(await lasting(disk)).toBe(66);
  });

  it("does not matter to close, which fsyncs what is left", async () => {
    const { disk, file } = await open({ fsyncEveryN: 100 });
    for (let n = 0; n < 7; n += 1) file.append(event);
    await file.close();
    expect(await lasting(disk)).toBe(7);
  });
});
