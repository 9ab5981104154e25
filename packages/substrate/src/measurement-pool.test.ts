import { describe, expect, it } from "vitest";
import { measure, type NonceRange } from "./measurement.js";
import { MeasurementPool, type Progress } from "./measurement-pool.js";
import { WORKER_URL } from "./substrate.testing.js";

describe("a measurement pool", () => {
  it("gives what the computation gives, in the order of the ranges, and reports each nonce", async () => {
    await using pool = newPool(2);
    const ranges = [0, 1, 2].map((extranonce) => range(10_000, extranonce));
    const reports: Progress[] = [];
    const measurements = await pool.run({ ranges }, { onProgress: (done) => reports.push(done) });
    expect(measurements).toEqual(ranges.map((each) => measure(each)));
    expect(reports.at(-1)).toEqual({ completed: 30_000, total: 30_000 });
  });

  it("runs more tasks than it has threads", async () => {
    await using pool = newPool(1);
    const results = await Promise.all(
      [0, 1, 2, 3].map((extranonce) => pool.run({ ranges: [range(100, extranonce)] })),
    );
    expect(results.flat()).toEqual(
      [0, 1, 2, 3].map((extranonce) => measure(range(100, extranonce))),
    );
  });

  it("stops a task that is aborted while it runs, and goes on with the next", async () => {
    await using pool = newPool(1);
    const controller = new AbortController();
    const endless = pool.run(
      { ranges: [range(2 ** 31)] },
      { signal: controller.signal, onProgress: () => controller.abort(new Error("enough")) },
    );
    const next = pool.run({ ranges: [range(100)] });
    await expect(endless).rejects.toThrow("enough");
    expect(await next).toEqual([measure(range(100))]);
  });

  it("forgets a task that is aborted while it waits, or before", async () => {
    await using pool = newPool(1);
    const controller = new AbortController();
    const first = pool.run({ ranges: [range(50_000)] });
    const waiting = pool.run({ ranges: [range(2 ** 31)] }, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await expect(pool.run({ ranges: [range(1)] }, { signal: controller.signal })).rejects.toThrow(
      "enough",
    );
    expect(await first).toHaveLength(1);
  });

  it("refuses more than may wait", async () => {
    await using pool = newPool(1, 1);
    const accepted = [pool.run({ ranges: [range(100)] }), pool.run({ ranges: [range(100)] })];
    await expect(pool.run({ ranges: [range(1)] })).rejects.toMatchObject({
      code: "COMPUTATION_BUSY",
    });
    await Promise.all(accepted);
  });

  it("says why a thread failed, and goes on", async () => {
    await using pool = newPool(1);
    await expect(pool.run({ ranges: [range(-1, -1)] })).rejects.toMatchObject({
      code: "COMPUTATION_FAILED",
    });
    expect(await pool.run({ ranges: [range(10)] })).toHaveLength(1);
  });

  it("says that there is no code where it should be", async () => {
    const workerUrl = new URL("./nowhere.js", import.meta.url);
    await using pool = new MeasurementPool({ size: 1, workerUrl });
    await expect(pool.run({ ranges: [range(1)] })).rejects.toMatchObject({
      code: "COMPUTATION_FAILED",
    });
  });

  it("rejects what runs and what waits when it is closed, and everything after", async () => {
    const pool = newPool(1);
    const tasks = [pool.run({ ranges: [range(2 ** 31)] }), pool.run({ ranges: [range(1)] })];
    const outcomes = Promise.allSettled(tasks);
    await pool.close();
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "CLOSED" } });
    }
    await expect(pool.run({ ranges: [range(1)] })).rejects.toMatchObject({ code: "CLOSED" });
    await pool.close();
  });
});

function newPool(size: number, maxWaiting?: number): MeasurementPool {
  return new MeasurementPool({ size, maxWaiting, workerUrl: WORKER_URL });
}

function range(nonceCount: number, extranonce = 0): NonceRange {
  return { seedHex: "5a".repeat(32), extranonce, nonceStart: 0, nonceCount };
}
