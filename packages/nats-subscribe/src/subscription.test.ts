import type { RowRecord } from "@gaiaftcl/sealed-row";
import { describe, expect, it } from "vitest";
import { subscribe } from "./index.js";
import {
  eventOf,
  eventually,
  publisher,
  Sealer,
  SUBJECT,
  seqsOf,
  startBroker,
  TABLE,
  take,
  watch,
} from "./test-cell.testing.js";

describe("a subscription", () => {
  it("yields rows with their reports, and says that nobody vouches for them", async () => {
    const broker = await startBroker();
    const sealer = new Sealer();
    const { subscription } = watch(SUBJECT, { urls: broker.url });
    await subscription.ready();
    const row = sealer.seal();
    (await publisher(broker)).publish(SUBJECT, eventOf(row));
    const [message] = await take(subscription, 1);
    expect(message).toMatchObject({
      kind: "row",
      subject: SUBJECT,
      table: TABLE,
      origin: "bus-unverified",
      report: { ok: true, level: "facets", table: TABLE, id: "t-1" },
    });
    expect(message?.row).toEqual(row);
    expect(message?.report.checks[0]).toEqual({ name: "event.subject", status: "passed" });
  });

  it("yields a tampered row, never as verified", async () => {
    const broker = await startBroker();
    const row = new Sealer().seal();
    const changes: readonly RowRecord[] = [
      { ...row, metric: "other" },
      { ...row, witness_hash_sha256: "0".repeat(64) },
      { ...row, nats_subject_sealed: "gaiaftcl.franklin.command.sealed" },
      { ...row, extra: "column" },
      { canonical_witness: "x" },
    ];
    const { subscription } = watch(SUBJECT, { urls: broker.url });
    await subscription.ready();
    const bus = await publisher(broker);
    for (const change of changes) bus.publish(SUBJECT, eventOf(change));
    for (const [index, message] of (await take(subscription, changes.length)).entries()) {
      expect(message.report.ok).toBe(false);
      expect(message.origin).toBe("bus-unverified");
      expect(message.row).toMatchObject({ ...changes[index] });
    }
  });

  it("sees when table, subject and row do not belong together", async () => {
    const broker = await startBroker();
    const row = new Sealer().seal();
    const other = "gaiaftcl.substrate.development.sealed";
    const theirs = "gaiaftcl.substrate.theirs.sealed";
    const { subscription } = watch("gaiaftcl.substrate.>", { urls: broker.url });
    await subscription.ready();
    const bus = await publisher(broker);
    bus.publish(other, eventOf(row));
    bus.publish(other, eventOf(row, "substrate_developments"));
    bus.publish(SUBJECT, eventOf(row, "substrate_developments"));
    bus.publish(SUBJECT, eventOf(row, "their_table"));
    bus.publish(theirs, eventOf(row));
    bus.publish(SUBJECT, eventOf(row));
    const messages = await take(subscription, 6);
    expect(messages.map(({ report }) => report.ok)).toEqual([
      false,
      false,
      false,
      false,
      false,
      true,
    ]);
    for (const { report } of messages.slice(0, 5)) {
      expect(report.checks[0]).toMatchObject({ name: "event.subject", status: "failed" });
    }
  });

  it("takes rows of others on subjects of their own as far as they can be verified", async () => {
    const broker = await startBroker();
    const sealed = new Sealer().seal();
    const subject = "their.rows.sealed";
    const row: RowRecord = {
      canonical_witness: sealed["canonical_witness"] ?? null,
      witness_hash_sha256: sealed["witness_hash_sha256"] ?? null,
      signature_quintet: sealed["signature_quintet"] ?? null,
      nats_subject_sealed: subject,
    };
    const { subscription } = watch(subject, { urls: broker.url });
    await subscription.ready();
    (await publisher(broker)).publish(subject, eventOf(row, "their_rows"));
    const [message] = await take(subscription, 1);
    expect(message).toMatchObject({
      kind: "row",
      table: "their_rows",
      report: { ok: true, level: "witness" },
    });
  });

  it("yields what is no event of a row raw, with its bytes", async () => {
    const broker = await startBroker();
    const { subscription } = watch(["weather.*", SUBJECT], { urls: broker.url });
    await subscription.ready();
    const bus = await publisher(broker);
    bus.publish("weather.oslo", "rain", { reply: "answers.1" });
    bus.publish(SUBJECT, "rain");
    bus.publish(SUBJECT, new Uint8Array([0xff, 0xfe]));
    const [weather, junk, bytes] = await take(subscription, 3);
    expect(weather).toMatchObject({
      kind: "raw",
      subject: "weather.oslo",
      row: undefined,
      reply: "answers.1",
      origin: "bus-unverified",
      report: { ok: false, level: "none", checks: [{ name: "event", status: "skipped" }] },
    });
    expect(new TextDecoder().decode(weather?.kind === "raw" ? weather.payload : undefined)).toBe(
      "rain",
    );
    for (const message of [junk, bytes]) {
      expect(message).toMatchObject({
        kind: "raw",
        report: { checks: [{ name: "event", status: "failed" }] },
      });
    }
  });

  it("leaves out duplicates, but no row that only claims to be one", async () => {
    const broker = await startBroker();
    const sealer = new Sealer();
    const [first, second] = [sealer.seal(), sealer.seal()];
    const { subscription } = watch(SUBJECT, { urls: broker.url });
    await subscription.ready();
    const bus = await publisher(broker);
    const tampered = { ...first, metric: "other" };
    for (const row of [tampered, first, first, tampered, first, second])
      bus.publish(SUBJECT, eventOf(row));
    const messages = await take(subscription, 4);
    expect(messages.map(({ report }) => report.ok)).toEqual([false, true, false, true]);
    expect(subscription.stats()).toMatchObject({ received: 6, delivered: 4, duplicates: 2 });
  });

  it("recognises a duplicate within its window only", async () => {
    const broker = await startBroker();
    const sealer = new Sealer();
    const rows = [sealer.seal(), sealer.seal(), sealer.seal()];
    const { subscription } = watch(SUBJECT, { urls: broker.url, dedupWindow: 2 });
    await subscription.ready();
    const bus = await publisher(broker);
    for (const row of [...rows, ...rows]) bus.publish(SUBJECT, eventOf(row));
    expect(seqsOf(await take(subscription, 6))).toEqual([1, 2, 3, 1, 2, 3]);
  });

  it("keeps back and counts what does not verify, where told to", async () => {
    const broker = await startBroker();
    const row = new Sealer().seal();
    const { subscription } = watch(["gaiaftcl.substrate.>"], {
      urls: broker.url,
      onlyVerified: true,
    });
    await subscription.ready();
    const bus = await publisher(broker);
    bus.publish(SUBJECT, eventOf({ ...row, metric: "x" }));
    bus.publish("gaiaftcl.substrate.command.compose", "{}");
    bus.publish(SUBJECT, eventOf(row));
    expect(seqsOf(await take(subscription, 1))).toEqual([1]);
    expect(subscription.stats()).toMatchObject({ withheld: 2, delivered: 1 });
  });

  it("gives each message once, however its patterns overlap", async () => {
    const broker = await startBroker();
    const patterns = ["a.*.c", "a.b.*", "a.b.c", "a.>", "d.*", "*.e"];
    const { subscription } = watch(patterns, { urls: broker.url });
    await subscription.ready();
    const bus = await publisher(broker);
    for (const subject of ["a.b.c", "d.e", "a.x"]) bus.publish(subject, "");
    await bus.flush();
    expect((await take(subscription, 3)).map(({ subject }) => subject)).toEqual([
      "a.b.c",
      "d.e",
      "a.x",
    ]);
    await subscription.drain();
    expect((await subscription.next()).done).toBe(true);
    expect(subscription.stats()).toMatchObject({ misdelivered: 0, received: 3 });
  });

  it("shares the messages of a queue group", async () => {
    const broker = await startBroker();
    const members = [1, 2].map(
      () => watch("work.>", { urls: broker.url, queue: "workers" }).subscription,
    );
    await Promise.all(members.map((member) => member.ready()));
    const bus = await publisher(broker);
    for (let index = 0; index < 200; index += 1) bus.publish(`work.${index}`, "");
    await eventually(() => {
      const counts = members.map((member) => member.stats().received);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(200);
      expect(Math.min(...counts)).toBeGreaterThan(0);
    });
  });
});

describe("the end of a subscription", () => {
  it("comes with close, at once", async () => {
    const broker = await startBroker();
    const { subscription, statuses } = watch("a.>", { urls: broker.url });
    await subscription.ready();
    const waiting = [subscription.next(), subscription.next()];
    await subscription.close();
    expect(await Promise.all(waiting)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
    expect(statuses.at(-1)).toEqual({ type: "closed" });
    await subscription.close();
    await eventually(() => expect(broker.stats().connections).toBe(0));
  });

  it("comes when the loop is left", async () => {
    const broker = await startBroker();
    const subscription = subscribe("a.>", { urls: broker.url });
    await subscription.ready();
    (await publisher(broker)).publish("a.b", "");
    for await (const message of subscription) {
      expect(message.subject).toBe("a.b");
      break;
    }
    await eventually(() => expect(broker.stats().connections).toBe(1));
    expect((await subscription.next()).done).toBe(true);
  });

  it("comes with the signal, and its reason", async () => {
    const broker = await startBroker();
    const stop = new AbortController();
    const { subscription } = watch("a.>", { urls: broker.url, signal: stop.signal });
    const waiting = subscription.next();
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await expect(subscription.ready()).rejects.toMatchObject({ code: "CLOSED" });
    const late = watch("a.>", { urls: broker.url, signal: stop.signal });
    await expect(late.subscription.next()).rejects.toThrow("enough");
  });

  it("comes after what waits, with drain", async () => {
    const broker = await startBroker();
    const { subscription } = watch("a.>", { urls: broker.url });
    await subscription.ready();
    const bus = await publisher(broker);
    for (let index = 0; index < 100; index += 1) bus.publish(`a.${index}`, "");
    await bus.flush();
    await subscription.drain();
    bus.publish("a.late", "");
    await bus.flush();
    const seen: string[] = [];
    for await (const { subject } of subscription) seen.push(subject);
    expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => `a.${index}`));
  });

  it("comes after the rows of the database that wait, with drain, and no more are read", async () => {
    const sealer = new Sealer(true);
    for (let index = 0; index < 200; index += 1) sealer.seal();
    const { subscription } = watch(SUBJECT, {
      urls: "nats://127.0.0.1:1",
      database: await sealer.reader(),
      afterSeq: { [TABLE]: 0 },
    });
    await eventually(() => expect(subscription.stats().waiting).toBeGreaterThan(0));
    await subscription.drain();
    const { fromDatabase } = subscription.stats();
    const seen: unknown[] = [];
    for await (const { row } of subscription) seen.push(row?.["seq"]);
    expect(seen).toEqual(Array.from({ length: fromDatabase }, (_, index) => BigInt(index + 1)));
  });

  it("comes while it has never been connected", async () => {
    const { subscription, statuses } = watch("a.>", { urls: "nats://127.0.0.1:1" });
    await eventually(() =>
      expect(statuses[0]).toMatchObject({ type: "unreachable", broker: "shared" }),
    );
    await subscription.close();
    expect((await subscription.next()).done).toBe(true);
  });

  it("rejects nothing behind anybody's back, however early it comes", async () => {
    const broker = await startBroker();
    const rejected: unknown[] = [];
    const onRejection = (cause: unknown): number => rejected.push(cause);
    process.on("unhandledRejection", onRejection);
    try {
      const sealer = new Sealer(true);
      const database = await sealer.reader();
      for (const urls of [broker.url, "nats://127.0.0.1:1"]) {
        for (const wait of [0, 1, 5, 20, 60, 120]) {
          const { subscription } = watch(SUBJECT, { urls, database, confirm: "database" });
          await new Promise((resolve) => setTimeout(resolve, wait));
          await subscription.close();
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      process.off("unhandledRejection", onRejection);
    }
    expect(rejected).toEqual([]);
  });

  it("leaves a connection that was passed in open, and comes when that closes", async () => {
    const broker = await startBroker();
    const connection = await publisher(broker);
    const first = watch("a.>", { connection }).subscription;
    await first.ready();
    connection.publish("a.b", "");
    expect((await first.next()).value?.subject).toBe("a.b");
    await first.close();
    expect(connection.isClosed()).toBe(false);
    const second = watch("a.>", { connection }).subscription;
    await second.ready();
    const waiting = second.next();
    await connection.close();
    await expect(waiting).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
  });
});

describe("subjects, queue names and options", () => {
  const broker = "nats://127.0.0.1:1";

  it.each([
    "",
    " ",
    "a b",
    "a..b",
    ".a",
    "a.",
    "a.>.b",
    "a\r\nPUB x 0",
    "a\u0000",
    "x".repeat(5000),
  ])("are refused before the client sees them: %j", (text) => {
    expect(() => subscribe(text, { urls: broker })).toThrow(
      expect.objectContaining({ code: "SUBJECT_INVALID" }),
    );
    expect(() => subscribe("a", { urls: broker, queue: text })).toThrow(
      expect.objectContaining({ code: "QUEUE_INVALID" }),
    );
  });

  it("are refused where they mean nothing", () => {
    expect(() => subscribe([], { urls: broker })).toThrow(
      expect.objectContaining({ code: "SUBJECT_INVALID" }),
    );
    for (const options of [
      { urls: "" },
      { urls: { substrate: "nats://a b" } },
      { confirm: "database" as const },
      { fallback: true },
      { afterSeq: { [TABLE]: 1 } },
      { buffer: { size: 0 } },
      { buffer: { whenFull: "block" as never } },
      { dedupWindow: -1 },
      { confirm: "else" as never },
    ]) {
      expect(() => subscribe("a", { urls: broker, ...options })).toThrow(
        expect.objectContaining({ code: "OPTION_INVALID" }),
      );
    }
  });
});
