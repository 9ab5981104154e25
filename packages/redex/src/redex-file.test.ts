import { Buffer } from "node:buffer";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Redex } from "./redex.js";
import type { RedexEvent } from "./redex-event.js";
import type { RedexFile } from "./redex-file.js";
import { vectors } from "./vectors.testing.js";

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const texts = (events: readonly RedexEvent[]): string[] =>
  events.map(({ seq, payload }) => `${seq} ${Buffer.from(payload)}`);
const all = (file: RedexFile): string[] => texts(file.readRange(0, 2n ** 64n - 1n));
const message = (call: string): string =>
  vectors.errors.find((error) => error.call === call)?.message ?? "no such vector";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "redex-file-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe.each(["memory", "disk"])("a log in %s", (kind) => {
  let redex: Redex;
  beforeEach(async () => {
    redex = await Redex.open(kind === "disk" ? root : undefined);
  });
  afterEach(() => redex.close());

  it("numbers events from 0, and batches consecutively", async () => {
    const file = await redex.openFile("a");
    expect(file.append(bytes("x"))).toBe(0n);
    expect(file.appendBatch([bytes("y"), bytes(""), bytes("z")])).toBe(1n);
    expect(file.appendBatch([])).toBeNull();
    expect(file.append(bytes("12345678"))).toBe(4n);
    expect(all(file)).toEqual(["0 x", "1 y", "2 ", "3 z", "4 12345678"]);
    expect(file.readRange(4, 5)[0]?.inline).toBe(false);
    expect(file.length).toBe(5);
    expect(file.nextSeq).toBe(5n);
    expect(texts(file.readRange(1, 3))).toEqual(["1 y", "2 "]);
    expect(file.readRange(3, 3)).toEqual([]);
    expect(file.readRange(4, 2)).toEqual([]);
    expect(() => file.readRange(-1, 2)).toThrow(/sequence number/);
    expect(() => file.readRange(0, 2n ** 64n)).toThrow(/sequence number/);
  });

  it("keeps a copy of what it is given, and gives copies", async () => {
    const file = await redex.openFile("a");
    const payload = bytes("mine");
    file.append(payload);
    payload.fill(0);
    file.readRange(0, 1)[0]?.payload.fill(0);
    expect(all(file)).toEqual(["0 mine"]);
  });

  it("visits without copies, and stops where the visitor says so", async () => {
    const file = await redex.openFile("a");
    file.appendBatch(["a", "b", "c", "d"].map(bytes));
    const seen: string[] = [];
    file.visit(1, 9, (seq, payload) => {
      seen.push(`${seq} ${Buffer.from(payload)}`);
      return seq < 2n;
    });
    expect(seen).toEqual(["1 b", "2 c"]);
  });

  it("is the same log for the same name, also after it was closed", async () => {
    const file = await redex.openFile("a");
    file.append(bytes("x"));
    expect(await redex.openFile("a", { retentionMaxEvents: 0 })).toBe(file);
    const [first, second] = await Promise.all([redex.openFile("b"), redex.openFile("b")]);
    expect(first).toBe(second);
    await file.close();
    await file.close();
    expect(await redex.openFile("a")).toBe(file);
    expect(() => file.append(bytes("y"))).toThrow(`redex: ${message("append after close")}`);
    expect(() => file.appendBatch([])).toThrow(`redex: ${message("append_batch after close")}`);
    await file.sync();
    expect(all(file)).toEqual(["0 x"]);
    expect(file.length).toBe(1);
  });

  it("lets a visitor append, and evict what it has not seen", async () => {
    const file = await redex.openFile("a", { retentionMaxEvents: 3 });
    file.appendBatch(["a", "b", "c"].map(bytes));
    const seen: string[] = [];
    file.visit(0, 3, (seq, payload) => {
      if (seq === 0n) file.appendBatch([bytes("d"), bytes("e")]);
      seen.push(`${seq} ${Buffer.from(payload)}`);
    });
    expect(seen).toEqual(["0 a", "2 c"]);
  });

  it("refuses what is no bytes, rather than log zeros", async () => {
    const file = await redex.openFile("a");
    const wrongs: readonly unknown[] = [
      "text",
      [1, 2],
      null,
      new Uint16Array(2),
      new ArrayBuffer(2),
    ];
    for (const wrong of wrongs) {
      expect(() => file.append(wrong as Uint8Array)).toThrow(/must be a Uint8Array/);
      expect(() => file.appendBatch([bytes("x"), wrong as Uint8Array])).toThrow(/Uint8Array/);
    }
    expect(file.length).toBe(0);
  });

  it("evicts by number of events", async () => {
    const file = await redex.openFile("a", { retentionMaxEvents: 5 });
    for (let n = 0; n < 20; n += 1) file.append(bytes(`${n}`));
    expect(file.length).toBe(5);
    expect(file.firstSeq).toBe(15n);
    expect(all(file)).toEqual(["15 15", "16 16", "17 17", "18 18", "19 19"]);
  });

  it("evicts by bytes, 20 for each event and its payload", async () => {
    const file = await redex.openFile("a", { retentionMaxBytes: 75 });
    for (const payload of ["aaaaa", "bbbbb", "ccccc", "ddddd"]) file.append(bytes(payload));
    expect(all(file)).toEqual(["1 bbbbb", "2 ccccc", "3 ddddd"]);
    file.append(new Uint8Array(60));
    expect(file.length).toBe(0);
    expect(file.nextSeq).toBe(5n);
    expect(file.append(bytes("e"))).toBe(5n);
    expect(all(file)).toEqual(["5 e"]);
  });

  it("shows observers every append before it returns, and detaches one that throws", async () => {
    const file = await redex.openFile("a", { retentionMaxEvents: 2 });
    const seen: string[] = [];
    const stop = file.observe({
      appended: (seq, payload) => void seen.push(`${seq} ${Buffer.from(payload)}`),
      evicted: (oldest) => void seen.push(`from ${oldest}`),
      closed: () => void seen.push("closed"),
    });
    const failures: unknown[] = [];
    file.observe({
      appended: () => {
        throw new Error("mine");
      },
      failed: (error) => void failures.push(error),
    });
    file.append(bytes("x"));
    file.appendBatch([bytes("y"), bytes("z")]);
    expect(seen).toEqual(["0 x", "1 y", "2 z", "from 1"]);
    expect(failures).toEqual([new Error("mine")]);
    stop();
    file.append(bytes("w"));
    expect(seen).toHaveLength(4);
  });

  it("shows observers in order what one of them appends", async () => {
    const file = await redex.openFile("a");
    const seen: string[] = [];
    file.observe({
      appended: (seq, payload) => {
        if (seq < 3n) {
          const reply = bytes(`re ${seq}`);
          file.append(reply);
          reply.fill(0);
        }
        seen.push(`first ${Buffer.from(payload)}`);
      },
    });
    file.observe({ appended: (_, payload) => void seen.push(`second ${Buffer.from(payload)}`) });
    file.append(bytes("x"));
    expect(seen).toEqual(
      ["x", "re 0", "re 1", "re 2"].flatMap((text) => [`first ${text}`, `second ${text}`]),
    );
  });
});

describe("options", () => {
  it("are refused in the reference's words", async () => {
    await using redex = await Redex.open();
    await expect(redex.openFile("a", { persistent: true })).rejects.toThrow(
      `redex: ${message("Redex().open_file('a', persistent=True)")}`,
    );
    await expect(redex.openFile("a", { fsyncEveryN: 1, fsyncIntervalMs: 1 })).rejects.toThrow(
      `redex: config: ${message("fsync both")}`,
    );
    await expect(redex.openFile("a", { fsyncEveryN: 0 })).rejects.toThrow(
      `redex: config: ${message("fsync_every_n=0")}`,
    );
    await expect(redex.openFile("a", { fsyncIntervalMs: 0 })).rejects.toThrow(
      `redex: config: ${message("fsync_interval_ms=0")}`,
    );
    for (const bad of [-1, 1.5, Number.NaN, 2 ** 53]) {
      await expect(redex.openFile("a", { retentionMaxEvents: bad })).rejects.toMatchObject({
        code: "INVALID_OPTION",
      });
    }
    await expect(redex.openFile("A")).rejects.toMatchObject({ code: "INVALID_NAME" });
  });
});

describe("a log on disk", () => {
  it("is there again after it was closed, and goes on numbering", async () => {
    {
      await using redex = await Redex.open(root);
      const file = await redex.openFile("orders/audit");
      file.appendBatch([bytes("x"), bytes("y")]);
    }
    await using redex = await Redex.open(root);
    const file = await redex.openFile("orders/audit");
    expect(all(file)).toEqual(["0 x", "1 y"]);
    expect(file.append(bytes("z"))).toBe(2n);
  });

  it("does not take for durable what a process wrote before it was killed", async () => {
    {
      await using redex = await Redex.open(root);
      (await redex.openFile("a")).append(bytes("x"));
    }
    await using redex = await Redex.open(root);
    const file = await redex.openFile("a");
    expect(file.durableSeq).toBe(0n);
    await file.sync();
    expect(file.durableSeq).toBe(1n);
  });

  it("may be kept behind a symbolic link", async () => {
    {
      await using redex = await Redex.open(root);
      (await redex.openFile("a")).append(bytes("x"));
    }
    renameSync(join(root, "a", "v0000000001"), join(root, "elsewhere"));
    symlinkSync(join(root, "elsewhere"), join(root, "a", "v0000000001"));
    await using redex = await Redex.open(root);
    expect((await redex.openFile("a")).length).toBe(1);
  });

  it("has one writer: a second one is refused and told who the first is", async () => {
    const first = await Redex.open(root);
    await expect(Redex.open(root)).rejects.toMatchObject({
      code: "LOCKED",
      message: expect.stringContaining(`process ${process.pid}`),
    });
    await first.close();
    await (await Redex.open(root)).close();
    await expect(first.openFile("a")).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("refuses names that would lie among another log's own files", async () => {
    await using redex = await Redex.open(root);
    for (const name of ["a/v0000000002", "a/manifest", "a/manifest.tmp/b"]) {
      await expect(redex.openFile(name)).rejects.toMatchObject({ code: "INVALID_NAME" });
    }
    await redex.openFile("manifest");
  });

  it("gives back the room of evicted events and keeps the numbers", async () => {
    const options = { retentionMaxEvents: 10 };
    {
      await using redex = await Redex.open(root);
      const file = await redex.openFile("a", options);
      for (let n = 0; n < 3_000; n += 1) file.append(new Uint8Array(1_000).fill(n));
      expect(file.length).toBe(10);
      expect(await file.sweep()).toBe(0);
      const [generation] = readdirSync(join(root, "a")).filter((name) => name.startsWith("v"));
      expect(statSync(join(root, "a", generation as string, "dat")).size).toBe(10_000);
      expect(existsSync(join(root, "a", "v0000000001"))).toBe(false);
      expect(file.readRange(0, 3_000).map(({ seq }) => Number(seq))).toEqual(
        Array.from({ length: 10 }, (_, n) => 2_990 + n),
      );
      file.append(bytes("more"));
    }
    await using redex = await Redex.open(root);
    const file = await redex.openFile("a");
    expect(file.length).toBe(10);
    expect(file.firstSeq).toBe(2_991n);
    expect(file.recovery).toMatchObject({ damagedEvents: 0, timestampsLost: false });
    expect(file.append(bytes("z"))).toBe(3_001n);
  });

  it("reclaims in the background while appends go on", async () => {
    await using redex = await Redex.open(root);
    const file = await redex.openFile("a", { retentionMaxBytes: 100_000 });
    let largest = 0;
    for (let round = 0; round < 60; round += 1) {
      for (let n = 0; n < 100; n += 1) file.append(new Uint8Array(500).fill(n));
      await new Promise((resolve) => setImmediate(resolve));
      await file.sync();
      const [generation] = readdirSync(join(root, "a")).filter((name) => name.startsWith("v"));
      largest = Math.max(largest, statSync(join(root, "a", generation as string, "dat")).size);
    }
    expect(file.reclaimError).toBeUndefined();
    expect(largest).toBeLessThan(1_000_000);
    expect(file.nextSeq).toBe(6_000n);
    expect(file.readRange(0, 6_000).at(-1)?.payload).toEqual(new Uint8Array(500).fill(99));
  });

  it("rewrites one generation at a time, however many sweeps, appends and closes meet", async () => {
    for (let round = 0; round < 6; round += 1) {
      const name = `log-${round}`;
      let expected: string[] = [];
      {
        await using redex = await Redex.open(root);
        const file = await redex.openFile(name, { retentionMaxEvents: 300 });
        const sweeps: Promise<unknown>[] = [];
        for (let n = 0; n < 3_000; n += 1) {
          file.append(bytes(`${n}`.padEnd(200)));
          if (n % 100 === round) sweeps.push(file.sweep(), file.sweep());
          if (n % 37 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        expected = all(file);
        if (round % 2 === 0) await Promise.all(sweeps);
        await file.close();
        await Promise.all(sweeps);
        expect(file.reclaimError).toBeUndefined();
        expect(all(file)).toEqual(expected);
      }
      await using redex = await Redex.open(root);
      const file = await redex.openFile(name);
      expect(all(file)).toEqual(expected);
      expect(readdirSync(join(root, name))).toHaveLength(2);
    }
  });

  it("keeps its next number when everything was evicted", async () => {
    {
      await using redex = await Redex.open(root);
      const file = await redex.openFile("a", { retentionMaxEvents: 0 });
      file.appendBatch([bytes("x"), bytes("y")]);
      expect(file.length).toBe(0);
      await file.sweep();
    }
    await using redex = await Redex.open(root);
    expect((await redex.openFile("a", { retentionMaxEvents: 0 })).nextSeq).toBe(2n);
  });

  it("evicts by age, whether or not anything is appended", async () => {
    let now = 1_000_000_000_000_000_000n;
    await using redex = await Redex.open(root, { clock: () => now });
    const file = await redex.openFile("a", { retentionMaxAgeMs: 100 });
    file.append(bytes("x"));
    now += 60_000_000n;
    file.append(bytes("y"));
    now += 40_000_000n;
    expect(await file.sweep()).toBe(0);
    now += 1n;
    expect(await file.sweep()).toBe(1);
    expect(all(file)).toEqual(["1 y"]);
    now += 60_000_000n;
    await expect.poll(() => file.length).toBe(0);
  });

  it("evicts by age in memory too", async () => {
    let now = 0n;
    await using redex = await Redex.open(undefined, { clock: () => now });
    const file = await redex.openFile("a", { retentionMaxAgeMs: 1 });
    file.append(bytes("x"));
    now = 1_000_001n;
    file.append(bytes("y"));
    await file.sweep();
    expect(all(file)).toEqual(["1 y"]);
  });
});
