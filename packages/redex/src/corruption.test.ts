import { Buffer } from "node:buffer";
import { seededRandom } from "@gaiaftcl/config/seeded-random";
import { describe, expect, it } from "vitest";
import { LogReader } from "./log-reader.js";
import type { RecoveryReport } from "./recovery.js";
import { Redex } from "./redex.js";
import type { RedexEvent } from "./redex-event.js";
import { SimulatedDisk } from "./simulated-disk.testing.js";

/** All 10,000 of them: `REDEX_CORRUPTIONS=10000`. */
const rounds = Number(process.env["REDEX_CORRUPTIONS"] ?? 2_000);
const EVERYTHING = 2n ** 64n - 1n;

/** A log of 24 events as its files; of generation 1, or of a later one that begins at 30. */
async function sample(isCompacted: boolean): Promise<Map<string, Uint8Array>> {
  const disk = new SimulatedDisk();
  const redex = await Redex.open("/", { storage: disk });
  const file = await redex.openFile("a", isCompacted ? { retentionMaxEvents: 24 } : {});
  for (let n = 0; n < (isCompacted ? 54 : 24); n += 1) {
    file.append(Uint8Array.from({ length: (n * 37) % 120 }, (_, at) => n * 7 + at * 3));
  }
  await file.sweep();
  await redex.close();
  return disk.files();
}

async function recovered(
  files: ReadonlyMap<string, Uint8Array>,
): Promise<{ readonly events: RedexEvent[]; readonly report: RecoveryReport }> {
  const disk = new SimulatedDisk();
  for (const [path, content] of files) disk.place(path, content);
  const redex = await Redex.open("/", { storage: disk });
  const file = await redex.openFile("a");
  const events = file.readRange(0, EVERYTHING);
  // It takes events again, unless a damaged number was the last there is.
  if (file.nextSeq <= EVERYTHING) expect(file.append(new Uint8Array(3))).toBe(file.nextSeq - 1n);
  await redex.close();
  if (file.recovery === undefined) throw new Error("a log on disk has a report");
  return { events, report: file.recovery };
}

/** What a reader makes of the files, which must not change them. */
async function readBeside(files: ReadonlyMap<string, Uint8Array>): Promise<RedexEvent[]> {
  const disk = new SimulatedDisk();
  for (const [path, content] of files) disk.place(path, content);
  using reader = await LogReader.open("/", "a", { storage: disk });
  const events = reader.readRange(0, EVERYTHING);
  expect(disk.files()).toEqual(files);
  return events;
}

const isClean = (report: RecoveryReport): boolean =>
  report.found === "manifest" &&
  report.tornRecords === 0 &&
  report.damagedEvents === 0 &&
  report.strayIndexBytes === 0 &&
  report.strayPayloadBytes === 0 &&
  report.sequenceBreaks === 0 &&
  report.generationsRemoved === 0;

describe(`${rounds} random corruptions`, () => {
  it("recover to a prefix or are reported, never crash and never invent data", async () => {
    const logs = [await sample(false), await sample(true)];
    const originals = await Promise.all(logs.map(async (files) => (await recovered(files)).events));
    let reported = 0;
    for (let round = 0; round < rounds; round += 1) {
      const which = round % 2;
      const files = new Map(logs[which]);
      const random = seededRandom(round + 1);
      const count = 1 + Math.floor(random() * random() * 4);
      for (let n = 0; n < count; n += 1) corrupt(files, random);
      const read = await readBeside(files);
      const { events, report } = await recovered(files);
      const original = originals[which] as RedexEvent[];
      const payloads = new Set(original.map(({ payload }) => hex(payload)));
      for (const { payload } of [...events, ...read]) expect(payloads).toContain(hex(payload));
      const isPrefix = events.every(
        ({ seq, payload }, n) =>
          seq === original[n]?.seq && hex(payload) === hex(original[n]?.payload ?? payload),
      );
      if (!isClean(report)) reported += 1;
      // A lone record has no neighbour that its number could be compared with.
      else if (!(isPrefix || events.length === 1)) {
        throw new Error(`round ${round}: neither a prefix nor reported: ${JSON.stringify(report)}`);
      }
    }
    expect(reported).toBeGreaterThan(rounds / 4);
  }, 120_000);
});

/** Changes one file as disks, crashes and people do. */
function corrupt(files: Map<string, Uint8Array>, random: () => number): void {
  const paths = [...files.keys()];
  const path = paths[Math.floor(random() * paths.length)];
  if (path === undefined) return;
  const bytes = (files.get(path) as Uint8Array).slice();
  const at = Math.floor(random() * bytes.length);
  const end = Math.min(bytes.length, at + 1 + Math.floor(random() * 64));
  const kind = Math.floor(random() * 9);
  if (kind <= 2 && bytes.length > 0) {
    bytes[at] = (bytes[at] as number) ^ (1 << Math.floor(random() * 8));
    files.set(path, bytes);
  } else if (kind === 3) files.set(path, bytes.subarray(0, at));
  else if (kind === 4) files.set(path, bytes.fill(0, at, end));
  else if (kind === 5) {
    for (let n = at; n < end; n += 1) bytes[n] = random() * 256;
    files.set(path, bytes);
  } else if (kind === 6) {
    const longer = new Uint8Array(bytes.length + (end - at));
    longer.set(bytes);
    longer.set(bytes.subarray(at, end), bytes.length);
    files.set(path, longer);
  } else if (kind === 7) {
    bytes.copyWithin(Math.floor(random() * bytes.length), at, end);
    files.set(path, bytes);
  } else files.delete(path);
}

function hex(payload: Uint8Array): string {
  return Buffer.from(payload).toString("hex");
}
