import { describe, expect, it } from "vitest";
import {
  eventOf,
  eventually,
  publisher,
  Sealer,
  SUBJECT,
  seqsOf,
  startBroker,
  take,
  watch,
} from "./test-cell.testing.js";

describe("a consumer that is slower than the bus", () => {
  it("loses the oldest messages, counted and told", async () => {
    const broker = await startBroker();
    const { subscription, statuses } = watch("n.*", { urls: broker.url, buffer: { size: 10 } });
    await subscription.ready();
    const bus = await publisher(broker);
    for (let index = 0; index < 25; index += 1) bus.publish(`n.${index}`, "");
    await eventually(() => expect(subscription.stats().received).toBe(25));
    expect((await take(subscription, 10)).map(({ subject }) => subject)).toEqual(
      Array.from({ length: 10 }, (_, index) => `n.${index + 15}`),
    );
    expect(subscription.stats()).toMatchObject({ dropped: 15, waiting: 0 });
    await eventually(() => {
      const told = statuses.flatMap((status) => (status.type === "dropped" ? [status] : []));
      expect(told.reduce((sum, { count }) => sum + count, 0)).toBe(15);
      expect(told.at(-1)?.total).toBe(15);
    });
  });

  it("loses the newest messages, where told to", async () => {
    const broker = await startBroker();
    const buffer = { size: 10, whenFull: "dropNewest" } as const;
    const { subscription } = watch("n.*", { urls: broker.url, buffer });
    await subscription.ready();
    const bus = await publisher(broker);
    for (let index = 0; index < 25; index += 1) bus.publish(`n.${index}`, "");
    await eventually(() => expect(subscription.stats().dropped).toBe(15));
    expect((await take(subscription, 10)).at(-1)?.subject).toBe("n.9");
  });

  it("fails instead, where told to", async () => {
    const broker = await startBroker();
    const buffer = { size: 10, whenFull: "fail" } as const;
    const { subscription } = watch("n.*", { urls: broker.url, buffer });
    await subscription.ready();
    const bus = await publisher(broker);
    for (let index = 0; index < 25; index += 1) bus.publish(`n.${index}`, "");
    await bus.flush();
    await eventually(() => expect(subscription.stats().received).toBeGreaterThan(10));
    await expect(subscription.next()).rejects.toMatchObject({ code: "BUFFER_FULL" });
  });

  it("holds no more bytes than allowed, and at least one message", async () => {
    const broker = await startBroker();
    const { subscription } = watch("n.*", { urls: broker.url, buffer: { bytes: 2500 } });
    await subscription.ready();
    const bus = await publisher(broker);
    for (let index = 0; index < 5; index += 1) bus.publish(`n.${index}`, new Uint8Array(1000));
    await eventually(() => expect(subscription.stats()).toMatchObject({ dropped: 3, waiting: 2 }));
    bus.publish("n.big", new Uint8Array(5000));
    await eventually(() => expect(subscription.stats()).toMatchObject({ dropped: 5, waiting: 1 }));
  });

  it("loses no row where there is a database to read it from again", async () => {
    const sealer = new Sealer(true);
    const broker = await startBroker();
    const { subscription, statuses } = watch(SUBJECT, {
      urls: broker.url,
      database: await sealer.reader(),
      buffer: { size: 5 },
    });
    await subscription.ready();
    await eventually(() => expect(statuses.at(-1)).toMatchObject({ type: "bus" }));
    const bus = await publisher(broker);
    sealer.database?.exec("BEGIN");
    const rows = Array.from({ length: 300 }, () => sealer.seal());
    sealer.database?.exec("COMMIT");
    for (const row of rows) bus.publish(SUBJECT, eventOf(row));
    await eventually(() => expect(subscription.stats().dropped).toBeGreaterThan(0));
    const seqs = seqsOf(await take(subscription, 300));
    expect(seqs.toSorted((a, b) => a - b)).toEqual(rows.map((_, index) => index + 1));
    await eventually(() => expect(statuses.at(-1)).toMatchObject({ type: "bus" }));
    expect(statuses).toContainEqual(
      expect.objectContaining({ type: "database", reason: "messages dropped" }),
    );
    bus.publish(SUBJECT, eventOf(sealer.seal()));
    expect(seqsOf(await take(subscription, 1))).toEqual([301]);
  });
});
