import { crc32 } from "node:zlib";
import { decodeCursor, EventBusError, encodeCursor, Filter } from "@gaiaftcl/event-bus";
import { EnvelopeReader } from "../../../../packages/event-bus/src/envelope.ts";
import { JsonObject } from "../../../../packages/event-bus/src/json-node.ts";
import { JsonFaultResult, parseJson } from "../../../../packages/event-bus/src/json-parser.ts";
import { KERNEL_BASE, Kernel } from "../../../../packages/event-bus/src/kernel.ts";
import { decodeRecord, encodeRecord } from "../../../../packages/event-bus/src/spill-record.ts";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claim, claimSame, unlessRefused } from "./claims.ts";
import { vectorJson, vectorTexts } from "./seeds.ts";

const VECTORS = "event-bus/vectors/event-bus.json";
const text = (input: Uint8Array): string => new TextDecoder().decode(input);

/** A spill record of two events, for seeds. */
function record(): Buffer {
  const body = Buffer.alloc(34 + 16 + 4);
  body.writeUInt32LE(2, 26);
  body.writeUInt32LE(4, 30);
  body.writeUInt32LE(2, 38);
  body.writeUInt32LE(1, 42);
  body.writeUInt32LE(4, 46);
  body.write("12{}", 50);
  return withChecksum(body);
}

function withChecksum(body: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(body.length, 0);
  header.writeUInt32LE(crc32(body), 4);
  return Buffer.concat([header, body]);
}

const envelopes = new EnvelopeReader();
const kernel = new Kernel();

/** The text of bytes that are UTF-8. */
function unicode(input: Uint8Array): { readonly text: string } | undefined {
  try {
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(input) };
  } catch {
    return undefined;
  }
}

function isAccepted(written: string): boolean {
  try {
    JSON.parse(written);
    return true;
  } catch {
    return false;
  }
}

/** Whether an object has an event, and a time and a shard that are numbers of their kinds or absent. */
function isEnvelope(node: JsonObject): boolean {
  const isUpTo = (name: string, most: bigint): boolean => {
    const value = node.members.get(name) ?? 0n;
    return typeof value === "bigint" && value >= 0n && value <= most;
  };
  return (
    node.members.has("r") &&
    !["r", "t", "s"].some((name) => node.repeated?.has(name)) &&
    isUpTo("t", (1n << 64n) - 1n) &&
    isUpTo("s", 0xffffn)
  );
}

export const targets: readonly FuzzTarget[] = [
  {
    name: "event-bus/envelope",
    seeds: () => [
      ...vectorTexts(VECTORS),
      '{"r":{"a":[1,"\\u00e9"]},"t":18446744073709551615,"s":65535}',
      '{"\\u0072":null,"\\u007a":1,"x":{"y":"\\ud83d\\ude00"}}',
      "[1,2,3]",
    ],
    dictionary: ['"r":', '"t":', '"s":', "18446744073709551616", "\\ud800", "\\u007"],
    run(input) {
      const event = envelopes.read("1-0", Buffer.from(input), null);
      const known = unicode(input)?.text;
      const node = known === undefined ? undefined : parseJson(known);
      // What the slower parser finds is what the faster one has to find, and shows the fuzzer the way.
      if (node instanceof JsonObject && isEnvelope(node)) {
        claim(event !== undefined, "an envelope is read");
        claimSame(event?.insertionTs, node.members.get("t") ?? 0n, "its time");
        claimSame(BigInt(event?.shardId ?? -1), node.members.get("s") ?? 0n, "its shard");
      }
      if (event === undefined) return;
      const whole: unknown = JSON.parse(text(input));
      // The three values may stand in an array, too.
      const inside = Array.isArray(whole) ? whole[0] : (whole as { readonly r: unknown }).r;
      claimSame(event.parse(), inside, "the event in an envelope");
      claim(event.insertionTs < 1n << 64n && event.shardId <= 0xffff, "numbers are within bounds");
    },
  },
  {
    name: "event-bus/filter",
    seeds: () => [
      ...[...vectorTexts(VECTORS), ...vectorJson(VECTORS)].map(
        (each) => `${each}\n{"a":{"b":[1,2.0]}}`,
      ),
      '{"$and":[{"path":"a.b.0","value":1},{"$not":{"$eq":["a","x"]}}]}\n{"a":{"b":[1]}}',
      '{"$or":[{"path":"","value":1e2}]}\n1e2',
    ],
    dictionary: ["$and", "$or", "$not", "$eq", "path", "value", "1e400", "\\ud800"],
    run(input) {
      const [filterText = "", event = "null"] = text(input).split("\n");
      const filter = unlessRefused(EventBusError, () => Filter.parse(filterText));
      if (filter === undefined) return;
      const matches = filter.matches(event);
      if (matches) claim(filter.prefilter.mayMatch(event), "the prefilter lets matches through");
      // Negated, a filter matches the rest of what can be read.
      const negated = Filter.parse(`{"$not":${filterText}}`);
      const isReadable = !(parseJson(event) instanceof JsonFaultResult);
      claim(negated.matches(event) === (isReadable && !matches), "the negation of a filter");
    },
  },
  {
    name: "event-bus/json",
    seeds: () => [...vectorTexts(VECTORS), ...vectorJson(VECTORS)],
    dictionary: ["\\ud83d\\ude00", "1e308", "-0", "18446744073709551616"],
    run(input) {
      const known = unicode(input);
      const isJson = known !== undefined && isAccepted(known.text);
      kernel.reserve(KERNEL_BASE, input.length);
      claim(
        (kernel.run.isJson(kernel.place(input), input.length) !== 0) ===
          (isJson || (known === undefined && isAccepted(text(input)))),
        "the kernel takes JSON",
      );
      if (known === undefined) return;
      const parsed = parseJson(known.text);
      if (parsed instanceof JsonFaultResult) {
        claim(parsed.fault.offset <= known.text.length, "a fault is in the text");
      } else claim(isJson, "what is read is JSON");
    },
  },
  {
    name: "event-bus/cursor",
    seeds: () => [
      ...vectorTexts(VECTORS),
      encodeCursor(
        new Map([
          [0, "1-0"],
          [65_535, "x"],
        ]),
      ),
    ],
    run(input) {
      for (const cursor of [text(input), Buffer.from(input).toString("base64")]) {
        const positions = unlessRefused(EventBusError, () => decodeCursor(cursor));
        if (positions === undefined) continue;
        claimSame(decodeCursor(encodeCursor(positions)), positions, "the positions");
      }
    },
  },
  {
    name: "event-bus/spill-record",
    seeds: () => [record(), record().subarray(8)],
    run(input) {
      // As it is, and as a body with its true checksum: chance finds no CRC-32.
      for (const bytes of [Buffer.from(input), withChecksum(Buffer.from(input))]) {
        const batch = decodeRecord(bytes);
        if (batch === undefined) continue;
        claim(
          batch.count > 0 && batch.size <= bytes.length,
          "a batch is no larger than its record",
        );
        const texts = Array.from({ length: batch.count }, (_, index) => batch.text(index));
        claim(texts.join("").length <= bytes.length, "its events are within the record");
        encodeRecord(batch);
      }
    },
  },
];
