import { encodeEvent, GENESIS_HASH, type RowRecord, sealRow } from "@gaiaftcl/sealed-row";
import { afterEach, describe, expect, it } from "vitest";
import { ArrivalBuffer } from "./arrival-buffer.js";
import { EventReader, type EventReading } from "./event-reader.js";
import { type Arrival, SharedReader } from "./shared-reader.js";
import { type ResolvedOptions, resolveOptions } from "./subscribe-options.js";
import {
  eventOf,
  eventually,
  publisher,
  Sealer,
  SUBJECT,
  startBroker,
  watch,
} from "./test-cell.testing.js";

const readers: SharedReader[] = [];
afterEach(async () => {
  for (const reader of readers.splice(0)) await reader.close();
});

/** A reader whose second thread runs. */
function busyReader(options: ResolvedOptions): SharedReader {
  const reader = new SharedReader(options);
  readers.push(reader);
  for (let count = 0; count < 10_000; count += 1) reader.count();
  return reader;
}

function arrivalOf(data: Uint8Array, subject: string = SUBJECT): Arrival {
  return { subject, message: { data, reply: "" }, bytes: data.byteLength };
}

/** Good events among others that are bent, of other subjects, large, or not ASCII. */
function* events(count: number): Generator<Arrival> {
  const sealer = new Sealer();
  for (let index = 0; index < count; index += 1) {
    const kind = index % 16;
    const row = sealer.seal({
      metric: kind === 3 ? "é" : 'a "b"',
      detail_json: kind === 4 ? "x".repeat(5000) : null,
    });
    if (kind === 5) yield arrivalOf(eventOf({ ...row, metric: "changed" }));
    else if (kind === 6) yield arrivalOf(eventOf(row).subarray(1));
    else if (kind === 7) yield arrivalOf(eventOf(row), "gaiaftcl.other");
    else if (kind === 8) yield arrivalOf(eventOf(row), "gaiaftcl.franklin.command.sealed");
    else if (kind === 9) yield arrivalOf(Uint8Array.of(0xff, 0xfe));
    else if (kind === 10) yield arrivalOf(new Uint8Array(0));
    else yield arrivalOf(eventOf(row));
  }
}

function shown(reading: EventReading): unknown {
  return reading.kind === "raw"
    ? reading.report
    : [reading.table, { ...reading.row }, reading.report];
}

describe("reading with a second thread", () => {
  const limits = { messages: 10_000, bytes: 2 ** 30, whenFull: "fail" } as const;

  it("gives every event the very reading that one thread gives it", async () => {
    const options = resolveOptions({ buffer: { size: 10_000 } });
    const alone = new EventReader(options);
    const reader = busyReader(options);
    const buffer = new ArrivalBuffer<Arrival>(limits, () => {});
    for (const arrival of events(3000)) buffer.push(arrival);
    reader.share(buffer);
    const shared = Array.from({ length: 32 }, (_, index) => buffer.at(20 + index));
    // So far the other thread has come on its own.
    await eventually(() =>
      expect(shared.every((arrival) => arrival !== undefined && !reader.isPending(arrival))).toBe(
        true,
      ),
    );
    expect(shared.some((arrival) => arrival?.ticket !== undefined)).toBe(true);
    for (let taken = 0; taken < 3000; taken += 1) {
      const head = buffer.at(buffer.taken);
      if (head === undefined) throw new Error(`nothing at ${taken}`);
      reader.help(head);
      buffer.shift();
      reader.share(buffer);
      const expected = alone.read(head.subject, head.message.data);
      expect(shown(reader.read(head))).toEqual(shown(expected));
    }
  });

  it("goes on alone when the thread ends, and forgets what was dropped", async () => {
    const options = resolveOptions({ buffer: { size: 10_000 } });
    const reader = busyReader(options);
    const buffer = new ArrivalBuffer<Arrival>(limits, () => {});
    for (const arrival of events(200)) buffer.push(arrival);
    reader.share(buffer);
    const dropped = buffer.shift();
    if (dropped !== undefined) reader.drop(dropped);
    await reader.close();
    const alone = new EventReader(options);
    for (let head = buffer.shift(); head !== undefined; head = buffer.shift()) {
      reader.help(head);
      expect(shown(reader.read(head))).toEqual(shown(alone.read(head.subject, head.message.data)));
    }
  });

  it("has no thread where rows must be signed, or where that was asked for", () => {
    const buffer = new ArrivalBuffer<Arrival>(limits, () => {});
    for (const arrival of events(64)) buffer.push(arrival);
    for (const given of [
      { require: "signed" },
      { thread: false },
      { buffer: { size: 64 } },
    ] as const) {
      const reader = busyReader(resolveOptions(given));
      reader.share(buffer);
      expect(buffer.at(buffer.taken + 10)?.ticket).toBeUndefined();
    }
  });
});

describe("a subscription under load", () => {
  it("hands out every row once and in order", async () => {
    const rows: RowRecord[] = [];
    let previous: string = GENESIS_HASH;
    for (let seq = 1; seq <= 6000; seq += 1) {
      const row = sealRow("research_telemetry", {
        columns: { telemetry_id: `t-${seq}`, session_id: "s", metric: "drift" },
        cellId: "test-cell",
        domainId: "tests",
        sealedAtIso: "2026-11-20T00:00:00.000Z",
        previous,
      });
      previous = row["witness_hash_sha256"] as string;
      rows.push({ seq: BigInt(seq), ...row });
    }
    const broker = await startBroker();
    const { subscription } = watch(SUBJECT, { urls: broker.url, buffer: { size: 20_000 } });
    await subscription.ready();
    const connection = await publisher(broker);
    for (const row of rows) connection.publish(SUBJECT, encodeEvent("research_telemetry", row));
    // One that comes again, and one that was changed.
    connection.publish(SUBJECT, encodeEvent("research_telemetry", rows[5999] as RowRecord));
    connection.publish(SUBJECT, encodeEvent("research_telemetry", { ...rows[0], metric: "x" }));
    for (const expected of rows) {
      const { value } = await subscription.next();
      expect(value?.report.ok).toBe(true);
      expect(value?.row?.["telemetry_id"]).toBe(expected["telemetry_id"]);
    }
    const { value } = await subscription.next();
    expect(value).toMatchObject({ report: { ok: false }, row: { metric: "x" } });
    expect(subscription.stats()).toMatchObject({ duplicates: 1, dropped: 0 });
  });
});
