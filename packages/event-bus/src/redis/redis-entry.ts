import { Buffer } from "node:buffer";
import type { EnvelopeReader } from "../envelope.js";
import type { StoredEvent } from "../stored-event.js";
import type { RedisReply } from "./redis-link.js";

const ENVELOPE = 0x64; // "d"
const DEDUP_ID: Buffer = Buffer.from("dedup_id");

/** One entry of a stream as Redis sends it: its id, and names and values in turn. */
export type RedisEntry = readonly [id: Buffer, fields: readonly Buffer[]];

export function entriesOf(reply: RedisReply): readonly RedisEntry[] {
  return (reply ?? []) as unknown as readonly RedisEntry[];
}

export function idOf(entry: RedisEntry): string {
  return entry[0].toString("latin1");
}

/** The event in an entry; undefined when there is none (event bus format, section 9.2). */
export function eventOf(reader: EnvelopeReader, entry: RedisEntry): StoredEvent | undefined {
  // An entry that was deleted while a consumer had it comes without fields.
  const fields = entry[1] ?? [];
  let envelope: Buffer | undefined;
  let dedupId: Buffer | undefined;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as Buffer;
    if (name.length === 1 && name[0] === ENVELOPE) envelope = fields[i + 1];
    else if (name.equals(DEDUP_ID)) dedupId = fields[i + 1];
  }
  return envelope && reader.read(entry[0], envelope, dedupId ?? null);
}
