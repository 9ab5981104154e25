import { Buffer } from "node:buffer";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "@gaiaftcl/config/seeded-random";
import { LogReader, Redex } from "@gaiaftcl/redex";
import { afterEach, beforeEach, expect, it } from "vitest";
import { eventsOf, filesBelow, hex, RedexPeer } from "./redex-peer.ts";

const NAME = "orders/audit";
/** How many damaged directories both sides recover. */
const DAMAGED = Number(process.env["REDEX_DAMAGED"] ?? 300);

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "redex-interop-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const payloads: readonly Uint8Array[] = [
  "",
  "a",
  "12345678",
  "x".repeat(17),
  "y".repeat(129),
  "z".repeat(241),
  "w".repeat(5_000),
  "v".repeat(2 * 1024 * 1024 + 1),
].map((text) => Buffer.from(text));

it("the wheel reads what we wrote, goes on, and we read that", async () => {
  await using peer = await RedexPeer.start();
  let ours = [];
  {
    await using redex = await Redex.open(root);
    const file = await redex.openFile(NAME);
    for (const payload of payloads) file.append(payload);
    file.appendBatch(payloads);
    ours = eventsOf(file);
  }
  const theirs = await peer.open(root, NAME, {
    append: ["", "beef", hex(payloads[7] as Uint8Array)],
    batch: ["01", "0203"],
  });
  expect(theirs.events).toEqual(ours);
  expect(theirs.appended).toEqual(["16", "17", "18", "19"]);
  await using redex = await Redex.open(root);
  const file = await redex.openFile(NAME);
  expect(file.recovery).toMatchObject({ events: 21, damagedEvents: 0, timestampsLost: false });
  expect(eventsOf(file)).toEqual((await peer.open(root, NAME)).events);
  expect(file.nextSeq).toBe(21n);
});

it("the wheel reads a log that retention has shortened and rewritten", async () => {
  await using peer = await RedexPeer.start();
  let ours = [];
  {
    await using redex = await Redex.open(root);
    const file = await redex.openFile(NAME, { retentionMaxEvents: 7 });
    for (let n = 0; n < 500; n += 1) file.append(Buffer.from(`event ${n}`.repeat(n % 20)));
    await file.sweep();
    file.append(payloads[6] as Uint8Array);
    ours = eventsOf(file);
  }
  const theirs = await peer.open(root, NAME, { append: ["aa"] });
  expect(theirs.events).toEqual(ours);
  expect(theirs.length).toBe(8);
  expect(theirs.appended).toEqual(["501"]);
  await using redex = await Redex.open(root);
  expect((await redex.openFile(NAME)).firstSeq).toBe(494n);
});

it("the wheel reads a log that is still open here, and we read one of a killed wheel", async () => {
  const peer = await RedexPeer.start();
  {
    await using redex = await Redex.open(root);
    const file = await redex.openFile(NAME);
    file.appendBatch(payloads);
    // Without a close: this is what a crash would leave.
    const copy = join(root, "copy");
    cpSync(join(root, NAME), join(copy, NAME), { recursive: true });
    expect((await peer.open(copy, NAME)).events).toEqual(eventsOf(file));
  }
  await peer.hold(root, "theirs", ["00", "", "0102"]);
  using reader = await LogReader.open(root, "theirs");
  expect(reader.readRange(0, 9).map(({ payload }) => hex(payload))).toEqual(["00", "", "0102"]);
  await peer.kill();
  await using redex = await Redex.open(root);
  expect(eventsOf(await redex.openFile("theirs")).map(([seq, payload]) => [seq, payload])).toEqual([
    ["0", "00"],
    ["1", ""],
    ["2", "0102"],
  ]);
});

it(`the wheel and we recover the same from ${DAMAGED} damaged directories, byte for byte`, async () => {
  await using peer = await RedexPeer.start();
  const sample = await sampleFiles();
  for (let round = 0; round < DAMAGED; round += 1) {
    const files = damage(sample[round % sample.length] as Sample, seededRandom(round + 1));
    const [ours, theirs] = ["ours", "theirs"].map((who) => join(root, `${round}`, who));
    for (const directory of [ours, theirs] as string[]) {
      place(join(directory, "c"), files);
    }
    const peerOpened = await peer.open(theirs as string, "c");
    await using redex = await Redex.open(ours as string);
    const file = await redex.openFile("c");
    const said = { round, files: Object.fromEntries(files), recovery: file.recovery };
    expect({ ...said, events: eventsOf(file) }).toEqual({ ...said, events: peerOpened.events });
    const ourFiles = filesBelow(join(ours as string, "c"));
    expect({ ...said, after: ourFiles }).toEqual({
      ...said,
      after: filesBelow(join(theirs as string, "c")),
    });
    if (file.nextSeq > 2n ** 64n - 1n) continue;
    const next = await peer.open(theirs as string, "c", { append: ["ff"] });
    expect({ ...said, next: `${file.append(Buffer.from("ff", "hex"))}` }).toEqual({
      ...said,
      next: next.appended[0],
    });
  }
}, 600_000);

type Sample = ReadonlyMap<string, string>;

/** Two logs of ours as files in hex: one never rewritten, one of a later generation. */
async function sampleFiles(): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const name of ["plain", "rewritten"]) {
    await using redex = await Redex.open(join(root, "samples"));
    const file = await redex.openFile(name, name === "plain" ? {} : { retentionMaxEvents: 12 });
    for (let n = 0; n < 30; n += 1) file.append(Buffer.alloc((n * 37) % 120, `${n} `));
    await file.close();
    samples.push(new Map(Object.entries(filesBelow(join(root, "samples", name)))));
  }
  return samples;
}

function place(directory: string, files: Sample): void {
  mkdirSync(directory, { recursive: true });
  for (const [path, content] of files) {
    mkdirSync(join(directory, path, ".."), { recursive: true });
    writeFileSync(join(directory, path), Buffer.from(content, "hex"));
  }
}

/** Changes a file or two: bits, cuts, zeros, copies, additions, deletions. */
function damage(sample: Sample, random: () => number): Map<string, string> {
  const files = new Map(sample);
  const below = (limit: number): number => Math.floor(random() * limit);
  for (let n = 1 + below(3); n > 0; n -= 1) {
    const path = [...files.keys()][below(files.size)];
    if (path === undefined) break;
    const bytes = Buffer.from(files.get(path) as string, "hex");
    const at = below(bytes.length);
    const end = Math.min(bytes.length, at + 1 + below(64));
    const kind = below(8);
    if (kind <= 2 && bytes.length > 0) bytes[at] = (bytes[at] as number) ^ (1 << below(8));
    if (kind === 4) bytes.fill(0, at, end);
    if (kind === 5) bytes.copyWithin(below(bytes.length), at, end);
    const added = kind === 6 ? Buffer.concat([bytes, bytes.subarray(at, end)]) : bytes;
    if (kind === 7) files.delete(path);
    else files.set(path, hex(kind === 3 ? bytes.subarray(0, at) : added));
  }
  return files;
}
