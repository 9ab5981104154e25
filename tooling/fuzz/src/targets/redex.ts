import {
  checksum,
  decodeIndexRecord,
  decodeManifest,
  encodeIndexRecord,
  encodeManifest,
  type IndexRecord,
  inlinePayload,
  LogReader,
  RECORD_BYTES,
  Redex,
  RedexError,
} from "@gaiaftcl/redex";
import { SimulatedDisk } from "../../../../packages/redex/src/simulated-disk.testing.ts";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claimSame } from "./claims.ts";
import { vectorFiles } from "./seeds.ts";

const NAME = "log";
const LAST = 2n ** 64n - 1n;
const GENERATION = `/root/${NAME}/v0000000001`;

/** A log's files in one input: a byte each says how long `ts` and `manifest` are, and two how long `idx` is. */
function pack(idx: Uint8Array, dat: Uint8Array, ts: Uint8Array, manifest: Uint8Array): Uint8Array {
  const head = Uint8Array.of(idx.length & 255, idx.length >> 8, ts.length, manifest.length);
  return Buffer.concat([head, idx, ts, manifest, dat]);
}

interface Files {
  readonly idx: Uint8Array;
  readonly dat: Uint8Array;
  readonly ts: Uint8Array;
  readonly manifest: Uint8Array;
}

/** The files that a crash may have left. Checksums of records are made true where the input says so. */
function unpack(input: Uint8Array): Files {
  const [low = 0, high = 0, tsLength = 0, manifestLength = 0] = input;
  const idxLength = low | ((high & 0x7f) << 8);
  let at = 4;
  const take = (length: number): Uint8Array => {
    at += length;
    return Uint8Array.from(input.subarray(at - length, at));
  };
  const idx = take(idxLength);
  const ts = take(tsLength);
  const manifest = take(manifestLength);
  const dat = take(input.length);
  if (high >= 0x80) mend(idx, dat);
  return { idx, dat, ts, manifest };
}

function diskOf({ idx, dat, ts, manifest }: Files): SimulatedDisk {
  const disk = new SimulatedDisk();
  for (const directory of ["/root", `/root/${NAME}`, GENERATION]) disk.makeDirectory(directory);
  write(disk, `${GENERATION}/idx`, idx);
  write(disk, `${GENERATION}/dat`, dat);
  write(disk, `${GENERATION}/ts`, ts);
  if (manifest.length > 0) write(disk, `/root/${NAME}/manifest`, manifest);
  return disk;
}

/** The events of the first `count` records, found one by one. */
function wholeEvents({ idx, dat }: Files, count: number): Events {
  return Array.from({ length: count }, (_, index) => decodeIndexRecord(idx, index * RECORD_BYTES))
    .filter((record) => record.inline || record.offset + record.length <= dat.length)
    .map((record) => ({ record, payload: payloadOf(record, dat) }))
    .filter(({ record, payload }) => checksum(payload) === record.checksum)
    .map(({ record, payload }) => [record.seq, Buffer.from(payload).toString("hex")] as const);
}

function payloadOf({ inline, offset, length }: IndexRecord, dat: Uint8Array): Uint8Array {
  return inline ? inlinePayload(offset, length) : dat.subarray(offset, offset + length);
}

/** Gives every record of `idx` the checksum that its payload has: chance does not find it. */
function mend(idx: Uint8Array, dat: Uint8Array): void {
  for (let at = 0; at + RECORD_BYTES <= idx.length; at += RECORD_BYTES) {
    const record = decodeIndexRecord(idx, at);
    const payload = payloadOf(record, dat);
    idx.set(encodeIndexRecord({ ...record, checksum: checksum(payload) }), at);
  }
}

function write(disk: SimulatedDisk, path: string, bytes: Uint8Array): void {
  const file = disk.open(path, "write");
  file.write(bytes, 0);
  file.close();
}

type Events = readonly (readonly [seq: bigint, payload: string])[];

/** All events there are. */
async function eventsOf(disk: SimulatedDisk): Promise<Events> {
  using reader = await LogReader.open("/root", NAME, { storage: disk });
  return reader
    .readRange(0n, LAST)
    .map(({ seq, payload }) => [seq, Buffer.from(payload).toString("hex")] as const);
}

/** Logs as crashes and bit flips left them, and small ones. */
function seeds(): Uint8Array[] {
  const record = (seq: bigint, offset: number, length: number, flags = 0): Uint8Array =>
    encodeIndexRecord({ seq, offset, length, flags, checksum: 0 });
  const idx = Buffer.concat([record(0n, 0, 3), record(1n, 0, 0, 0x8000_0000), record(2n, 3, 5)]);
  const dat = Buffer.from("onethree");
  const ts = new Uint8Array(24);
  const packed = pack(idx, dat, ts, encodeManifest(1));
  return [
    packed,
    packed.with(1, 0x80),
    pack(idx, dat.subarray(0, 6), ts, new Uint8Array(0)),
    ...vectorLogs(),
  ];
}

/** The logs of the vectors that one input can hold. */
function vectorLogs(): Uint8Array[] {
  const files = vectorFiles("redex/vectors/redex");
  const cases = new Set([...files.keys()].map((path) => path.split("/")[0] ?? ""));
  return [...cases].flatMap((name) => {
    const file = (path: string): Uint8Array =>
      files.get(`${name}/before/${path}`) ?? new Uint8Array(0);
    const [idx, dat, ts] = ["idx", "dat", "ts"].map((each) => file(`v0000000001/${each}`));
    if (idx === undefined || dat === undefined || ts === undefined) return [];
    const fits = idx.length < 0x8000 && ts.length <= 255 && idx.length + dat.length < 4000;
    return fits ? [pack(idx, dat, ts, file("manifest"))] : [];
  });
}

export const targets: readonly FuzzTarget[] = [
  {
    name: "redex/index-record",
    seeds,
    run(input) {
      if (input.length < RECORD_BYTES) return;
      const record = decodeIndexRecord(input);
      claimSame(encodeIndexRecord(record), input.subarray(0, RECORD_BYTES), "a record");
    },
  },
  {
    name: "redex/manifest",
    seeds: () => [encodeManifest(1), encodeManifest(0xffff_ffff), ...seeds()],
    maxLength: 64,
    run(input) {
      const generation = decodeManifest(input);
      if (generation !== undefined)
        claimSame(encodeManifest(generation), input.subarray(0, 16), "a manifest");
    },
  },
  {
    name: "redex/recovery",
    seeds,
    maxLength: 4500,
    share: 0.3,
    memory: 32 * 1024 * 1024,
    async run(input) {
      const files = unpack(input);
      const seen = await eventsOf(diskOf(files)).catch(refused);
      const disk = diskOf(files);
      const log = await recovered(disk).catch(refused);
      if (log === undefined) return;
      const { events, torn, hasDamage } = log;
      const records = Math.floor(files.idx.length / RECORD_BYTES);
      const whole = wholeEvents(files, records - torn);
      const isAscending = whole.every(([seq], index) => seq > (whole[index - 1]?.[0] ?? -1n));
      if (isAscending && whole.at(-1)?.[0] !== LAST) claimSame(events, whole, "the whole events");
      claimSame(seen, events, "a reader sees what a writer recovers");
      // A damaged record stays, and what is appended may come to lie where it points.
      // No range reaches to behind the last number there is.
      if (hasDamage || nextOf(events) === LAST) return;
      claimSame(await eventsOf(disk), [...events, [nextOf(events), "656e64"]], "the log goes on");
    },
  },
];

function refused(error: unknown): undefined {
  if (error instanceof RedexError) return undefined;
  throw error;
}

/** The events that a writer finds, after which it appends one more. */
async function recovered(
  disk: SimulatedDisk,
): Promise<{ readonly events: Events; readonly torn: number; readonly hasDamage: boolean }> {
  await using redex = await Redex.open("/root", { storage: disk, clock: () => 1n });
  const file = await redex.openFile(NAME);
  const events = file
    .readRange(0n, LAST)
    .map(({ seq, payload }) => [seq, Buffer.from(payload).toString("hex")] as const);
  file.append(Buffer.from("end"));
  const { tornRecords: torn = 0, damagedEvents = 0 } = file.recovery ?? {};
  return { events, torn, hasDamage: damagedEvents > 0 };
}

function nextOf(events: Events): bigint {
  return (events.at(-1)?.[0] ?? -1n) + 1n;
}
