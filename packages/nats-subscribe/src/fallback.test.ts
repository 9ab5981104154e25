import { NatsBroker } from "@gaiaftcl/nats-broker";
import type { RowRecord } from "@gaiaftcl/sealed-row";
import { CONTEXTS, cosignFacet, federationKeys } from "@gaiaftcl/witness";
import { generateKeyPair } from "@gaiaftcl/witness/ed25519";
import { describe, expect, it } from "vitest";
import type { RowSource } from "./index.js";
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

const NOWHERE = "nats://127.0.0.1:1";

describe("without a broker", () => {
  it("rows come from the database, and the subscription says so", async () => {
    const sealer = new Sealer(true);
    sealer.seal();
    const database = await sealer.reader();
    const { subscription, statuses } = watch(SUBJECT, { urls: NOWHERE, database });
    await eventually(() =>
      expect(statuses).toContainEqual({
        type: "database",
        broker: "shared",
        tables: [TABLE],
        reason: "no connection",
      }),
    );
    expect(statuses[0]).toMatchObject({ type: "unreachable", broker: "shared" });
    await database.lastSeq(TABLE);
    sealer.seal();
    const [message] = await take(subscription, 1);
    expect(message).toMatchObject({ origin: "database", subject: SUBJECT, report: { ok: true } });
    expect(message?.row?.["seq"]).toBe(2n);
    expect(subscription.stats()).toMatchObject({ fromDatabase: 1, received: 0 });
  });

  it("rows may be read from an earlier one on", async () => {
    const sealer = new Sealer(true);
    for (let index = 0; index < 5; index += 1) sealer.seal();
    const { subscription } = watch("gaiaftcl.>", {
      urls: NOWHERE,
      database: await sealer.reader(),
      afterSeq: { [TABLE]: 2 },
    });
    expect(seqsOf(await take(subscription, 3))).toEqual([3, 4, 5]);
  });

  it("a tampered row of the database is shown as such", async () => {
    const sealer = new Sealer(true);
    sealer.seal();
    sealer.database?.exec(`UPDATE ${TABLE} SET metric = 'other'`);
    const { subscription } = watch(SUBJECT, {
      urls: NOWHERE,
      database: await sealer.reader(),
      afterSeq: { [TABLE]: 0n },
    });
    expect((await take(subscription, 1))[0]).toMatchObject({
      origin: "database",
      report: { ok: false },
    });
  });

  it("tells when the database cannot be read either, and goes on when it can", async () => {
    const sealer = new Sealer(true);
    const reader = await sealer.reader();
    let broken = true;
    const database: RowSource = {
      find: (...parameters) => reader.find(...parameters),
      lastSeq: async (...parameters) => {
        if (broken) throw new Error("the disk is gone");
        return reader.lastSeq(...parameters);
      },
      follow: (...parameters) => reader.follow(...parameters),
    };
    const { subscription, statuses } = watch(SUBJECT, { urls: NOWHERE, database });
    await eventually(() =>
      expect(statuses).toContainEqual({
        type: "databaseError",
        table: TABLE,
        error: new Error("the disk is gone"),
      }),
    );
    broken = false;
    await eventually(() => {
      sealer.seal();
      expect(subscription.stats().fromDatabase).toBeGreaterThan(0);
    });
    expect((await take(subscription, 1))[0]?.origin).toBe("database");
  });
});

describe("when the broker goes and comes back", () => {
  it("no row is lost or doubled, and each says where it came from", async () => {
    const sealer = new Sealer(true);
    const database = await sealer.reader();
    let broker = await NatsBroker.listen();
    const { port } = broker;
    const { subscription, statuses } = watch(SUBJECT, { urls: broker.url, database });
    await subscription.ready();
    await eventually(() => expect(statuses.at(-1)).toMatchObject({ type: "bus" }));

    const origins: string[] = [];
    const seqs: number[] = [];
    const takeSome = async (count: number): Promise<void> => {
      for (const { origin, row, report } of await take(subscription, count)) {
        expect(report.ok).toBe(true);
        origins.push(origin);
        seqs.push(Number(row?.["seq"]));
      }
    };
    for (let round = 0; round < 3; round += 1) {
      const bus = await publisher(broker);
      for (let index = 0; index < 10; index += 1) bus.publish(SUBJECT, eventOf(sealer.seal()));
      await takeSome(10);
      expect(new Set(origins.splice(0))).toEqual(new Set(["bus-unverified"]));

      await broker.close();
      await eventually(() =>
        expect(statuses.at(-1)).toMatchObject({ type: "database", reason: "no connection" }),
      );
      const missed: RowRecord[] = [];
      for (let index = 0; index < 10; index += 1) missed.push(sealer.seal());
      await takeSome(10);
      expect(new Set(origins.splice(0))).toEqual(new Set(["database"]));

      broker = await NatsBroker.listen({ port });
      await eventually(() => expect(statuses.at(-1)).toMatchObject({ type: "bus" }));
      // The writer's outbox sends again what it could not send before.
      const again = await publisher(broker);
      for (const row of missed) again.publish(SUBJECT, eventOf(row));
      await again.flush();
    }
    (await publisher(broker)).publish(SUBJECT, eventOf(sealer.seal()));
    await takeSome(1);
    expect(seqs).toEqual(Array.from({ length: 61 }, (_, index) => index + 1));
    expect(statuses.map(({ type }) => type)).toEqual(
      expect.arrayContaining(["connected", "disconnected", "reconnected", "database", "bus"]),
    );
    await subscription.close();
    await broker.close();
  });

  it("rows that were published while it was away come from the database", async () => {
    const sealer = new Sealer(true);
    const broker = await startBroker();
    sealer.seal();
    const { subscription } = watch(SUBJECT, {
      urls: broker.url,
      database: await sealer.reader(),
      afterSeq: { [TABLE]: 0 },
    });
    // Nobody publishes the first row any more.
    expect((await take(subscription, 1))[0]).toMatchObject({ origin: "database" });
    await subscription.ready();
    const bus = await publisher(broker);
    await eventually(() => expect(bus.isClosed()).toBe(false));
    bus.publish(SUBJECT, eventOf(sealer.seal()));
    expect(seqsOf(await take(subscription, 1))).toEqual([2]);
  });

  it("a forged row far ahead makes it skip nothing", async () => {
    const sealer = new Sealer(true);
    const broker = await NatsBroker.listen();
    const { subscription, statuses } = watch(SUBJECT, {
      urls: broker.url,
      database: await sealer.reader(),
    });
    await subscription.ready();
    await eventually(() => expect(statuses.at(-1)).toMatchObject({ type: "bus" }));
    const bus = await publisher(broker);
    bus.publish(SUBJECT, eventOf(sealer.seal()));
    bus.publish(SUBJECT, eventOf(Sealer.forge(1_000_000n)));
    expect(seqsOf(await take(subscription, 2))).toEqual([1, 1_000_000]);
    await broker.close();
    sealer.seal();
    sealer.seal();
    expect(seqsOf(await take(subscription, 2))).toEqual([2, 3]);
  });

  it("is found again though it was never there before", async () => {
    const spare = await NatsBroker.listen();
    const { port } = spare;
    await spare.close();
    const sealer = new Sealer(true);
    const url = `nats://127.0.0.1:${port}`;
    const { subscription, statuses } = watch(SUBJECT, {
      urls: url,
      database: await sealer.reader(),
    });
    await eventually(() => expect(statuses.some(({ type }) => type === "database")).toBe(true));
    const broker = await startBroker({ port });
    await subscription.ready();
    await eventually(() => expect(statuses.at(-1)).toMatchObject({ type: "bus" }));
    (await publisher(broker)).publish(SUBJECT, eventOf(sealer.seal()));
    expect((await take(subscription, 1))[0]).toMatchObject({ origin: "bus-unverified" });
  });
});

describe("with confirm: database", () => {
  it("a row is ok only when the database has it, the same in every column", async () => {
    const sealer = new Sealer(true);
    const broker = await startBroker();
    const { subscription } = watch(SUBJECT, {
      urls: broker.url,
      database: await sealer.reader(),
      confirm: "database",
      fallback: false,
    });
    await subscription.ready();
    const bus = await publisher(broker);
    const row = sealer.seal();
    bus.publish(SUBJECT, eventOf({ ...row, seq: 9n }));
    bus.publish(SUBJECT, eventOf({ ...row, nats_broadcast_at_iso: "2030-01-01T00:00:00.000Z" }));
    bus.publish(SUBJECT, eventOf(Sealer.forge(2n)));
    bus.publish(SUBJECT, eventOf({ ...row, metric: "tampered" }));
    bus.publish(SUBJECT, eventOf(row));
    const messages = await take(subscription, 5);
    expect(messages.map(({ report }) => report.ok)).toEqual([false, false, false, false, true]);
    expect(messages.map(({ origin }) => origin)).toEqual([
      ...Array.from({ length: 4 }, () => "bus-unverified"),
      "database-confirmed",
    ]);
    expect(messages[2]?.report.checks.at(-1)).toMatchObject({ name: "database", status: "failed" });
    expect(messages[4]?.report.checks.at(-1)).toEqual({ name: "database", status: "passed" });
  });

  it("waits a little for a row that is not there yet", async () => {
    const sealer = new Sealer(true);
    const broker = await startBroker();
    const reader = await sealer.reader();
    let looks = 0;
    const database: RowSource = {
      find: async (...parameters) => {
        looks += 1;
        return looks < 3 ? undefined : reader.find(...parameters);
      },
      lastSeq: (...parameters) => reader.lastSeq(...parameters),
      follow: (...parameters) => reader.follow(...parameters),
    };
    const { subscription } = watch(SUBJECT, { urls: broker.url, database, confirm: "database" });
    await subscription.ready();
    (await publisher(broker)).publish(SUBJECT, eventOf(sealer.seal()));
    expect((await take(subscription, 1))[0]).toMatchObject({ report: { ok: true } });
  });

  it("does not let forged rows hold up the others", async () => {
    const sealer = new Sealer(true);
    const broker = await startBroker();
    const { subscription } = watch(SUBJECT, {
      urls: broker.url,
      database: await sealer.reader(),
      confirm: "database",
      fallback: false,
    });
    await subscription.ready();
    const bus = await publisher(broker);
    for (let index = 0; index < 300; index += 1) {
      bus.publish(SUBJECT, eventOf(Sealer.forge(BigInt(1000 + index), `f-${index}`)));
    }
    bus.publish(SUBJECT, eventOf(sealer.seal()));
    const messages = await take(subscription, 301);
    expect(messages.filter(({ report }) => report.ok)).toHaveLength(1);
    expect(messages.at(-1)).toMatchObject({ origin: "database-confirmed" });
  });
});

describe("with federation keys", () => {
  it("a row from the broker is verified when all five signed it, with signatures out of the database", async () => {
    const pairs = CONTEXTS.map((context) => [context, generateKeyPair()] as const);
    const keys = federationKeys(pairs.map(([context, { publicKey }]) => [context, publicKey]));
    const sealer = new Sealer(true);
    sealer.database?.exec(
      "CREATE TABLE substrate_cosignatures (witness_hash_sha256 TEXT, context TEXT, public_key TEXT, signature TEXT) STRICT",
    );
    const broker = await startBroker();
    const { subscription } = watch(SUBJECT, {
      urls: broker.url,
      database: await sealer.reader(),
      keys,
      fallback: false,
    });
    await subscription.ready();
    const bus = await publisher(broker);
    const signed = sealer.seal();
    const seal = {
      canonicalWitness: String(signed["canonical_witness"]),
      witnessHash: String(signed["witness_hash_sha256"]),
      quintet: JSON.parse(String(signed["signature_quintet"])),
    };
    for (const [context, { privateKey }] of pairs) {
      const identity = { cellId: "test-cell", domainId: "tests" };
      const { publicKey, signature } = cosignFacet(identity, seal as never, context, privateKey);
      sealer.database
        ?.prepare("INSERT INTO substrate_cosignatures VALUES (?, ?, ?, ?)")
        .run(seal.witnessHash, context, publicKey, signature);
    }
    bus.publish(SUBJECT, eventOf(signed));
    bus.publish(SUBJECT, eventOf(sealer.seal()));
    const [good, unsigned] = await take(subscription, 2);
    expect(good).toMatchObject({ origin: "bus-verified", report: { ok: true, level: "signed" } });
    expect(unsigned).toMatchObject({ origin: "bus-unverified", report: { ok: false } });
  });
});
