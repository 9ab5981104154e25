import { Buffer } from "node:buffer";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RedexFileOptions } from "./options.js";
import { Redex } from "./redex.js";
import type { RedexFile } from "./redex-file.js";

const bytes = (value: number): Uint8Array => new Uint8Array(Buffer.from(`${value}`));

let root: string;
let redex: Redex;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "redex-tail-"));
});
afterEach(async () => {
  await redex.close();
  rmSync(root, { recursive: true, force: true });
});

describe.each(["memory", "disk"])("a tail of a log in %s", (kind) => {
  let count = 0;
  const open = (options?: RedexFileOptions): Promise<RedexFile> => {
    count += 1;
    return redex.openFile(`log-${count}`, options);
  };
  beforeEach(async () => {
    redex = await Redex.open(kind === "disk" ? root : undefined);
  });

  it("gives what is there, however much, then what is appended, then ends with the log", async () => {
    const file = await open();
    file.appendBatch(Array.from({ length: 5_000 }, (_, n) => bytes(n)));
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { seq, payload } of file.tail(0))
        seen.push(`${seq}=${Buffer.from(payload)}`);
    })();
    for (let n = 5_000; n < 6_000; n += 1) {
      file.append(bytes(n));
      if (n % 7 === 0) await null;
    }
    await file.close();
    await reading;
    expect(seen).toEqual(Array.from({ length: 6_000 }, (_, n) => `${n}=${n}`));
  });

  it("never loses a slow reader: it reads on from where it is", async () => {
    const file = await open();
    const tail = file.tail();
    file.append(bytes(0));
    expect((await tail.next()).value?.seq).toBe(0n);
    file.appendBatch(Array.from({ length: 20_000 }, (_, n) => bytes(n + 1)));
    for (let n = 1n; n <= 20_000n; n += 1n) expect((await tail.next()).value?.seq).toBe(n);
    await tail.return();
  });

  it("can be polled for what is there", async () => {
    const file = await open({ retentionMaxEvents: 3 });
    const tail = file.tail(0);
    expect(tail.poll()).toBeUndefined();
    file.append(bytes(0));
    file.append(bytes(1));
    expect(tail.poll()?.seq).toBe(0n);
    expect((await tail.next()).value?.seq).toBe(1n);
    expect(tail.poll()).toBeUndefined();
    file.appendBatch([2, 3, 4, 5, 6].map(bytes));
    expect(tail.poll()).toBeUndefined();
    await expect(tail.next()).rejects.toMatchObject({ code: "LAGGED" });
  });

  it("waits for a number in the future", async () => {
    const file = await open();
    file.append(bytes(0));
    const tail = file.tail(3);
    const next = tail.next();
    for (let n = 1; n < 5; n += 1) file.append(bytes(n));
    expect((await next).value?.seq).toBe(3n);
    expect((await tail.next()).value?.seq).toBe(4n);
    const batch = file.tail(7);
    const waiting = batch.next();
    file.appendBatch([5, 6, 7, 8].map(bytes));
    expect((await waiting).value?.seq).toBe(7n);
  });

  it("serves readers that wait at the same time in their order", async () => {
    const file = await open();
    const tail = file.tail();
    const waiting = [tail.next(), tail.next(), tail.next()];
    file.append(bytes(0));
    file.appendBatch([bytes(1), bytes(2)]);
    expect((await Promise.all(waiting)).map(({ value }) => value?.seq)).toEqual([0n, 1n, 2n]);
  });

  it("says that it lagged where the wanted events are evicted", async () => {
    const file = await open({ retentionMaxEvents: 2 });
    const slow = file.tail(0);
    file.appendBatch([0, 1, 2, 3].map(bytes));
    await expect(slow.next()).rejects.toMatchObject({
      code: "LAGGED",
      message: "redex: tail: tail subscriber lagged; stream disconnected",
    });
    expect((await slow.next()).done).toBe(true);
    await expect(file.tail(1).next()).rejects.toMatchObject({ code: "LAGGED" });
    expect((await file.tail().next()).value?.seq).toBe(2n);
    expect((await file.tail(2).next()).value?.seq).toBe(2n);
  });

  it("ends with the signal's reason, also when it was aborted before", async () => {
    const file = await open();
    const controller = new AbortController();
    const waiting = file.tail(0, { signal: controller.signal }).next();
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await expect(file.tail(0, { signal: controller.signal }).next()).rejects.toThrow("enough");
  });

  it("ends waiting readers when it is returned or the log is closed", async () => {
    const file = await open();
    const [left, closed] = [file.tail(), file.tail()];
    const waiting = [left.next(), closed.next(), closed.next()];
    await left.return();
    await file.close();
    expect((await Promise.all(waiting)).map(({ done }) => done)).toEqual([true, true, true]);
    expect((await file.tail(0).next()).done).toBe(true);
  });

  it("has no gap and no repetition, however appends and reads interleave", async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("append" as const) }),
      fc.record({ kind: fc.constant("batch" as const), size: fc.nat({ max: 200 }) }),
      fc.record({ kind: fc.constant("read" as const), size: fc.nat({ max: 150 }) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.nat({ max: 30 }),
        async (steps, from) => {
          const file = await open();
          let appended = 0;
          let tail = file.tail(0);
          const pending: Promise<IteratorResult<{ readonly seq: bigint }, undefined>>[] = [];
          const take = (length: number): unknown =>
            file.appendBatch(Array.from({ length }, () => bytes(appended++)));
          take(from);
          tail = file.tail(0);
          for (const each of steps) {
            if (each.kind === "append") file.append(bytes(appended++));
            else if (each.kind === "batch") take(each.size);
            else for (let n = 0; n < each.size; n += 1) pending.push(tail.next());
            if (appended % 3 === 0) await null;
          }
          await file.close();
          const got = (await Promise.all(pending)).flatMap(({ value }) => value?.seq ?? []);
          for await (const { seq } of tail) got.push(seq);
          expect(got).toEqual(Array.from({ length: appended }, (_, n) => BigInt(n)));
        },
      ),
      { numRuns: 40 },
    );
  });
});
