import { Buffer } from "node:buffer";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LogReader } from "./log-reader.js";
import { Redex } from "./redex.js";
import { filesBelow, placeCase, vectors } from "./vectors.testing.js";

const EVERYTHING = 2n ** 64n - 1n;
const bytes = (value: number): Uint8Array => new Uint8Array(Buffer.from(`event ${value}`));

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "redex-reader-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("a reader beside the writer", () => {
  it("sees what is appended, through rewriting and closing, from a log that was not there", async () => {
    using reader = await LogReader.open(root, "a/b");
    expect(reader.length).toBe(0);
    const seen: bigint[] = [];
    const following = (async () => {
      for await (const { seq, payload } of reader.tail(0, { pollMs: 1 })) {
        expect(payload).toEqual(bytes(Number(seq)));
        seen.push(seq);
        if (seq === 499n) return;
      }
    })();
    {
      await using redex = await Redex.open(root);
      const file = await redex.openFile("a/b", { retentionMaxEvents: 200 });
      for (let n = 0; n < 500; n += 1) {
        file.append(bytes(n));
        if (n % 50 !== 0) continue;
        await expect.poll(() => seen.length, { interval: 1 }).toBe(n + 1);
        await file.sweep();
      }
    }
    await following;
    expect(seen).toEqual(Array.from({ length: 500 }, (_, n) => BigInt(n)));
    expect(reader.nextSeq).toBe(500n);
  });

  it("is told where it fell behind retention, and stops when it is told to", async () => {
    await using redex = await Redex.open(root);
    const file = await redex.openFile("a", { retentionMaxEvents: 2 });
    for (let n = 0; n < 10; n += 1) file.append(bytes(n));
    await file.sweep();
    using reader = await LogReader.open(root, "a");
    expect(reader.firstSeq).toBe(8n);
    await expect(reader.tail(0).next()).rejects.toMatchObject({ code: "LAGGED" });
    const controller = new AbortController();
    const waiting = reader.tail(10, { signal: controller.signal }).next();
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
  });

  it("ends its tails when it is closed, also in the middle of a look", async () => {
    await using redex = await Redex.open(root);
    (await redex.openFile("a")).append(bytes(0));
    const reader = await LogReader.open(root, "a");
    const tail = reader.tail(0);
    expect((await tail.next()).value?.seq).toBe(0n);
    const waiting = tail.next();
    const looking = reader.refresh();
    reader.close();
    await expect(waiting).rejects.toMatchObject({ code: "CLOSED" });
    await Promise.allSettled([looking]);
    await expect(reader.refresh()).rejects.toMatchObject({ code: "CLOSED" });
    expect(reader.length).toBe(0);
  });

  it("recovers what a writer would, and changes nothing", async () => {
    for (const { case: name, recovered } of vectors.recovery) {
      const directory = join(root, name);
      placeCase(name, directory);
      const before = filesBelow(directory);
      using reader = await LogReader.open(root, name);
      expect(filesBelow(directory)).toEqual(before);
      // What a writer would first have to move into a generation is not read.
      if (Object.keys(before).some((path) => path === "idx") || name === "ts-missing-gen1")
        continue;
      expect(
        reader.readRange(0, EVERYTHING).map(({ seq, payload }) => [seq, hex(payload)]),
      ).toEqual(recovered.map(({ seq, payload }) => [seq, payload]));
    }
  });
});

function hex(payload: Uint8Array): string {
  return Buffer.from(payload).toString("hex");
}
