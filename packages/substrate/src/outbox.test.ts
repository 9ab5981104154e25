import { decodeEvent, SEALED_TABLES, verifyRow } from "@gaiaftcl/sealed-row";
import { describe, expect, it } from "vitest";
import { Outbox, type OutboxOptions, type Publisher } from "./outbox.js";
import type { Substrate } from "./substrate.js";
import { openSubstrate } from "./substrate.js";
import {
  IDENTITY,
  insertRaw,
  scratch,
  telemetry,
  temporarySubstrate,
  until,
} from "./substrate.testing.js";
import type { SubstrateError } from "./substrate-error.js";

const TABLE = "research_telemetry";
const FAST: OutboxOptions = { pollIntervalMs: 5, retryMinMs: 1, retryMaxMs: 4 };

describe("an outbox", () => {
  it("publishes every row of every table on its subject, in order, as an event that verifies", async () => {
    using place = temporarySubstrate();
    const broker = new Broker();
    sealThree(place.substrate, "a");
    await using outbox = new Outbox(place.substrate, broker, FAST);
    await outbox.drained();
    sealThree(place.substrate, "b");
    await outbox.drained();
    expect(broker.ids(TABLE)).toEqual(["a-1", "a-2", "a-3", "b-1", "b-2", "b-3"]);
    for (const { subject, event } of broker.events) {
      const { table, row } = decodeEvent(event);
      expect(verifyRow(table, row).ok).toBe(true);
      expect(subject).toBe(SEALED_TABLES.find(({ name }) => name === table)?.subject);
    }
    expect(outbox.stats()).toMatchObject({ published: 6, failures: 0, lag: {} });
  });

  it("wakes up for a row that was just sealed", async () => {
    using place = temporarySubstrate();
    const broker = new Broker();
    await using outbox = new Outbox(place.substrate, broker, { pollIntervalMs: 3_600_000 });
    await outbox.drained();
    place.substrate.seal(TABLE, telemetry("t-1"));
    await until(() => broker.events.length === 1);
  });

  it("finds rows that another process sealed", async () => {
    using place = temporarySubstrate();
    using other = openSubstrate(place.path, IDENTITY);
    const broker = new Broker();
    await using outbox = new Outbox(place.substrate, broker, FAST);
    await outbox.drained();
    other.seal(TABLE, telemetry("t-1"));
    await until(() => broker.events.length === 1);
  });

  it("goes on where an earlier one stopped", async () => {
    using place = scratch();
    const broker = new Broker();
    for (const id of ["a", "b"]) {
      using substrate = openSubstrate(place.path, IDENTITY);
      sealThree(substrate, id);
      await using outbox = new Outbox(substrate, broker, FAST);
      await outbox.drained();
    }
    expect(broker.ids(TABLE)).toEqual(["a-1", "a-2", "a-3", "b-1", "b-2", "b-3"]);
  });

  it("repeats the last rows for a broker that may have lost them, in order, and then goes on", async () => {
    using place = temporarySubstrate();
    const broker = new Broker();
    sealThree(place.substrate, "a");
    await using outbox = new Outbox(place.substrate, broker, { ...FAST, batchRows: 1 });
    await outbox.drained();
    outbox.repeat(2);
    place.substrate.seal(TABLE, telemetry("b-1"));
    await until(() => broker.ids(TABLE).length === 6);
    expect(broker.ids(TABLE)).toEqual(["a-1", "a-2", "a-3", "a-2", "a-3", "b-1"]);
    outbox.repeat(100);
    await until(() => broker.ids(TABLE).length === 10);
    expect(broker.ids(TABLE).slice(6)).toEqual(["a-1", "a-2", "a-3", "b-1"]);
    expect(outbox.stats().lag).toEqual({});
  });

  it("publishes more rows than one batch takes", async () => {
    using place = temporarySubstrate();
    const broker = new Broker();
    const ids = Array.from({ length: 25 }, (_, n) => `t-${n}`);
    place.substrate.sealAll(ids.map((id) => ({ table: TABLE, columns: telemetry(id) })));
    await using outbox = new Outbox(place.substrate, broker, { ...FAST, batchRows: 4 });
    await outbox.drained();
    expect(broker.ids(TABLE)).toEqual(ids);
    expect(broker.flushes).toBe(7);
  });

  it("holds large rows one at a time", async () => {
    using place = temporarySubstrate();
    const broker = new Broker();
    for (const id of ["a", "b", "c"]) place.substrate.seal(TABLE, telemetry(id, "x".repeat(5e6)));
    await using outbox = new Outbox(place.substrate, broker, { ...FAST, maxEventBytes: 2 ** 24 });
    await outbox.drained();
    expect(broker.ids(TABLE)).toEqual(["a", "b", "c"]);
    expect(broker.flushes).toBe(3);
  });

  it("answers who waits for the rows so far, though more keep coming", async () => {
    using place = temporarySubstrate();
    const broker = new Broker();
    let next = 0;
    // Each confirmation is followed by another row.
    broker.afterFlush = (): void => {
      next += 1;
      place.substrate.seal(TABLE, telemetry(`more-${next}`));
    };
    sealThree(place.substrate, "a");
    await using outbox = new Outbox(place.substrate, broker, FAST);
    await outbox.drained();
    expect(broker.ids(TABLE).slice(0, 3)).toEqual(["a-1", "a-2", "a-3"]);
    broker.afterFlush = (): void => undefined;
  });

  it.each<[string, () => Partial<Broker>]>([
    ["refuses to publish", (): Partial<Broker> => ({ onPublish: failing(3) })],
    ["rejects a publication", (): Partial<Broker> => ({ onPublish: rejecting(3) })],
    ["loses a batch", (): Partial<Broker> => ({ onFlush: failing(3) })],
    ["takes a batch and says it did not", (): Partial<Broker> => ({ afterFlush: failing(3) })],
  ])("loses no row and keeps the order while the broker %s", async (_, faults) => {
    using place = temporarySubstrate();
    const broker = Object.assign(new Broker(), faults());
    const problems: SubstrateError[] = [];
    const onProblem = (problem: SubstrateError): void => void problems.push(problem);
    await using outbox = new Outbox(place.substrate, broker, { ...FAST, onProblem });
    sealThree(place.substrate, "a");
    await outbox.drained();
    sealThree(place.substrate, "b");
    await outbox.drained();
    const expected = ["a-1", "a-2", "a-3", "b-1", "b-2", "b-3"];
    // Doubled batches are allowed; without the doubles it is the table, in order.
    expect([...new Set(broker.ids(TABLE))]).toEqual(expected);
    expect(outbox.stats()).toMatchObject({ failures: 3, lag: {} });
    expect(problems.map((problem) => problem.code)).toEqual(Array(3).fill("BROADCAST_FAILED"));
  });

  it("reports how far behind it is while the broker is away", async () => {
    using place = temporarySubstrate();
    const broker = new Broker();
    broker.onFlush = failing(Number.POSITIVE_INFINITY);
    await using outbox = new Outbox(place.substrate, broker, FAST);
    sealThree(place.substrate, "a");
    await until(() => outbox.stats().failures > 2);
    expect(outbox.stats()).toMatchObject({ published: 0, lag: { [TABLE]: 3 } });
    expect(outbox.stats().lastProblem?.message).toMatch(/away/);
  });

  it("tries again when the broker does not answer", async () => {
    using place = temporarySubstrate();
    const broker = new Broker();
    let silent = 2;
    broker.onFlush = (): Promise<void> | undefined =>
      silent-- > 0 ? new Promise(() => undefined) : undefined;
    await using outbox = new Outbox(place.substrate, broker, { ...FAST, confirmTimeoutMs: 10 });
    sealThree(place.substrate, "a");
    await outbox.drained();
    expect(outbox.stats()).toMatchObject({ failures: 2, lag: {} });
  });

  it("does not wait for a silent broker when it is closed, and repeats the batch next time", async () => {
    using place = temporarySubstrate();
    const broker = new Broker();
    broker.afterFlush = (): Promise<void> => new Promise(() => undefined);
    sealThree(place.substrate, "a");
    const first = new Outbox(place.substrate, broker, FAST);
    const drained = first.drained();
    await until(() => broker.flushes === 1);
    await first.close();
    await expect(drained).rejects.toMatchObject({ code: "CLOSED" });
    await expect(first.drained()).rejects.toMatchObject({ code: "CLOSED" });
    broker.afterFlush = (): undefined => undefined;
    await using second = new Outbox(place.substrate, broker, FAST);
    await second.drained();
    expect(broker.ids(TABLE)).toEqual(["a-1", "a-2", "a-3", "a-1", "a-2", "a-3"]);
  });

  it.each(["before", "after"])("ends with a signal that aborts %s it starts", async (when) => {
    using place = temporarySubstrate();
    const broker = new Broker();
    const controller = new AbortController();
    if (when === "before") controller.abort();
    const outbox = new Outbox(place.substrate, broker, { ...FAST, signal: controller.signal });
    if (when === "after") await outbox.drained();
    controller.abort();
    place.substrate.seal(TABLE, telemetry("t-1"));
    await outbox.close();
    expect(broker.events).toEqual([]);
  });

  it("ends when the database was closed under it", async () => {
    using place = temporarySubstrate();
    const problems: string[] = [];
    const onProblem = ({ code }: SubstrateError): void => void problems.push(code);
    await using outbox = new Outbox(place.substrate, new Broker(), { ...FAST, onProblem });
    await outbox.drained();
    place.substrate.close();
    await until(() => problems.length > 0);
    await outbox.close();
    expect(problems).toEqual(["CLOSED"]);
  });

  it("leaves out a row that no event can carry, says so, and publishes those behind it", async () => {
    using place = temporarySubstrate();
    const broker = new Broker();
    place.substrate.seal(TABLE, telemetry("small-1"));
    place.substrate.seal(TABLE, telemetry("large", "x".repeat(5000)));
    place.substrate.seal(TABLE, telemetry("small-2"));
    const problems: SubstrateError[] = [];
    await using outbox = new Outbox(place.substrate, broker, {
      ...FAST,
      maxEventBytes: 4000,
      onProblem: (problem): void => void problems.push(problem),
    });
    await outbox.drained();
    expect(broker.ids(TABLE)).toEqual(["small-1", "small-2"]);
    expect(outbox.stats()).toMatchObject({ published: 2, leftOut: 1, failures: 0, lag: {} });
    expect(problems[0]).toMatchObject({ code: "BROADCAST_LEFT_OUT" });
    expect(problems[0]?.message).toMatch(/research_telemetry large/);
  });

  it("passes over rows that are not for broadcast", async () => {
    using place = temporarySubstrate();
    const broker = new Broker();
    place.substrate.seal(TABLE, telemetry("t-1"));
    const raw = `INSERT INTO research_telemetry (telemetry_id, metric, cell_id, domain_id, sealed_at_iso,
      canonical_witness, witness_hash_sha256, signature_quintet)
      VALUES ('quiet', 'm', 'c', 'd', 'now', 'w', 'h', '[]')`;
    insertRaw(place.path, raw);
    await using outbox = new Outbox(place.substrate, broker, FAST);
    await outbox.drained();
    expect(broker.ids(TABLE)).toEqual(["t-1"]);
    expect(outbox.stats().lag).toEqual({});
  });

  it("takes no option that would make it spin", () => {
    using place = temporarySubstrate();
    for (const options of [
      { pollIntervalMs: 0 },
      { retryMinMs: Number.NaN },
      { batchRows: -1 },
      { pollIntervalMs: 2 ** 31 },
    ]) {
      expect(() => new Outbox(place.substrate, new Broker(), options)).toThrow(
        expect.objectContaining({ code: "OPTION_INVALID" }),
      );
    }
  });
});

/** A broker in memory that has what was flushed, and fails on request. */
class Broker implements Publisher {
  readonly events: { readonly subject: string; readonly event: Uint8Array }[] = [];
  flushes = 0;
  onPublish: () => void | Promise<void> = () => undefined;
  onFlush: () => void | Promise<void> = () => undefined;
  afterFlush: () => void | Promise<void> = () => undefined;
  #unflushed: { readonly subject: string; readonly event: Uint8Array }[] = [];

  publish(subject: string, event: Uint8Array): void | Promise<void> {
    const result = this.onPublish();
    this.#unflushed.push({ subject, event });
    return result;
  }

  async flush(): Promise<void> {
    const batch = this.#unflushed;
    this.#unflushed = [];
    this.flushes += 1;
    await this.onFlush();
    this.events.push(...batch);
    await this.afterFlush();
  }

  ids(table: string): readonly unknown[] {
    return this.events
      .map(({ event }) => decodeEvent(event))
      .filter((event) => event.table === table)
      .map((event) => event.row["telemetry_id"]);
  }
}

function failing(times: number): () => void {
  let left = times;
  return () => {
    left -= 1;
    if (left >= 0) throw new Error("the broker is away");
  };
}

function rejecting(times: number): () => Promise<void> {
  const fail = failing(times);
  return async () => fail();
}

function sealThree(substrate: Substrate, id: string): void {
  for (const n of [1, 2, 3]) substrate.seal(TABLE, telemetry(`${id}-${n}`));
}
