import type { Announcement } from "./announcement.js";
import { CapabilitySet } from "./capability-set.js";
import { U64_MAX } from "./dictionary.js";
import { decodeHex } from "./hex.js";
import { JsonCursor } from "./json-cursor.js";
import { NetCapabilityError } from "./net-capability-error.js";
import { canonicalSocketAddress } from "./socket-address.js";

/** The largest event a packet of the reference carries, and so the largest announcement. */
export const MAX_ANNOUNCEMENT_BYTES = 8108;

const U32_MAX = 0xffff_ffffn;
const U8_MAX = 0xffn;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Limits of the reader. */
export interface AnnouncementReaderOptions {
  /** Longer ones are refused unread; 8108 when left out. */
  readonly maxBytes?: number;
}

type Fields = { -readonly [K in keyof Announcement]?: Announcement[K] };
const REQUIRED = [
  "nodeId",
  "entityId",
  "version",
  "timestampNs",
  "ttlSeconds",
  "capabilities",
] as const;

/**
 * Reads an announcement as the reference does (Net identity format, section 9.2). Blanks, any order
 * of keys, unknown keys, repeated tags and upper-case hex are accepted; a number in another form, a
 * key that repeats or is missing, an empty tag, and anything after the object are refused. Says
 * nothing about the signature: see `checkAnnouncementSignature`.
 *
 * @throws NetCapabilityError `ANNOUNCEMENT` with the place; no input makes it throw anything else
 */
export function decodeAnnouncement(
  bytes: Uint8Array,
  options: AnnouncementReaderOptions = {},
): Announcement {
  const { maxBytes = MAX_ANNOUNCEMENT_BYTES } = options;
  if (bytes.length > maxBytes) {
    throw refusal(`expected at most ${maxBytes} bytes, found ${bytes.length}`);
  }
  const cursor = new JsonCursor(decodeUtf8(bytes));
  const fields: Fields = {};
  readMembers(cursor, (key) => readMember(cursor, fields, key));
  cursor.end();
  const missing = REQUIRED.find((name) => fields[name] === undefined);
  if (missing !== undefined) throw refusal(`expected a value for ${missing}, found none`);
  return { hopCount: 0, ...fields } as Announcement;
}

/** Reads one member; `false` for a key that means nothing, whose value is passed over. */
function readMember(cursor: JsonCursor, fields: Fields, key: string): boolean {
  switch (key) {
    case "node_id":
      fields.nodeId = cursor.unsigned(U64_MAX);
      return true;
    case "entity_id":
      fields.entityId = readHex(cursor, 32);
      return true;
    case "version":
      fields.version = cursor.unsigned(U64_MAX);
      return true;
    case "timestamp_ns":
      fields.timestampNs = cursor.unsigned(U64_MAX);
      return true;
    case "ttl_secs":
      fields.ttlSeconds = Number(cursor.unsigned(U32_MAX));
      return true;
    case "capabilities":
      fields.capabilities = readCapabilitySet(cursor);
      return true;
    case "signature":
      if (!cursor.takeNull()) fields.signature = readHex(cursor, 64);
      return true;
    case "hop_count":
      fields.hopCount = Number(cursor.unsigned(U8_MAX));
      return true;
    case "reflex_addr":
      if (!cursor.takeNull()) fields.reflexAddress = readAddress(cursor);
      return true;
    default:
      return false;
  }
}

function readCapabilitySet(cursor: JsonCursor): CapabilitySet {
  const tags: string[] = [];
  const metadata: [string, string][] = [];
  readMembers(cursor, (key) => {
    if (key === "tags") {
      cursor.array(() => tags.push(readTag(cursor)));
    } else if (key === "metadata") {
      readMembers(cursor, (name) => {
        metadata.push([name, cursor.string()]);
        return true;
      });
    } else {
      return false;
    }
    return true;
  });
  return CapabilitySet.of(tags, metadata);
}

/**
 * Reads an object whose keys must not repeat. A key `member` does not know may repeat, since nothing
 * is taken from it.
 */
function readMembers(cursor: JsonCursor, member: (key: string) => boolean): void {
  const seen = new Set<string>();
  cursor.object((key) => {
    if (seen.has(key)) throw cursor.refusal(`the key ${JSON.stringify(key)} only once`);
    if (member(key)) seen.add(key);
    else cursor.skipValue();
  });
}

function readTag(cursor: JsonCursor): string {
  const tag = cursor.string();
  if (tag === "") throw cursor.refusal("a tag that is not empty");
  return tag;
}

function readHex(cursor: JsonCursor, length: number): Uint8Array {
  const bytes = decodeHex(cursor.string(), length);
  if (bytes === undefined) throw cursor.refusal(`${length * 2} hex digits before this`);
  return bytes;
}

function readAddress(cursor: JsonCursor): string {
  const address = canonicalSocketAddress(cursor.string());
  if (address === undefined) throw cursor.refusal("a socket address before this");
  return address;
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new NetCapabilityError("ANNOUNCEMENT", "expected UTF-8, found other bytes", {
      cause: error,
    });
  }
}

function refusal(message: string): NetCapabilityError {
  return new NetCapabilityError("ANNOUNCEMENT", message);
}
