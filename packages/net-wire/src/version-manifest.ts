import { readU16, writeU16 } from "./little-endian.js";

export interface Version {
  readonly major: number;
  readonly minor: number;
}

/** What a node speaks of one subprotocol (Net transport format, section 12.1). */
export interface ManifestEntry {
  readonly subprotocolId: number;
  readonly version: Version;
  readonly minimum: Version;
}

const ENTRY_BYTES = 6;
const FIRST: Version = { major: 1, minor: 0 };

/** What every 0.19.0 node would announce; the negotiation itself is never sent. */
export const defaultManifest: readonly ManifestEntry[] = [
  0x0400, 0x0401, 0x0500, 0x0600, 0x0b00,
].map((subprotocolId) => ({
  subprotocolId,
  version: FIRST,
  minimum: FIRST,
}));

export function encodeVersionManifest(entries: readonly ManifestEntry[]): Uint8Array {
  const bytes = new Uint8Array(2 + ENTRY_BYTES * entries.length);
  writeU16(bytes, 0, entries.length);
  for (const [index, { subprotocolId, version, minimum }] of entries.entries()) {
    const at = 2 + ENTRY_BYTES * index;
    writeU16(bytes, at, subprotocolId);
    bytes.set([version.major, version.minor, minimum.major, minimum.minor], at + 2);
  }
  return bytes;
}

/** Reads a manifest; undefined for a wrong length, a minimum above the version, or an id named twice. */
export function decodeVersionManifest(bytes: Uint8Array): ManifestEntry[] | undefined {
  if (bytes.length < 2 || bytes.length !== 2 + ENTRY_BYTES * readU16(bytes, 0)) {
    return undefined;
  }
  const entries: ManifestEntry[] = [];
  const seen = new Set<number>();
  for (let at = 2; at < bytes.length; at += ENTRY_BYTES) {
    const subprotocolId = readU16(bytes, at);
    const [major = 0, minor = 0, leastMajor = 0, leastMinor = 0] = bytes.subarray(
      at + 2,
      at + ENTRY_BYTES,
    );
    const entry = {
      subprotocolId,
      version: { major, minor },
      minimum: { major: leastMajor, minor: leastMinor },
    };
    if (isBelow(entry.version, entry.minimum) || seen.has(subprotocolId)) {
      return undefined;
    }
    seen.add(subprotocolId);
    entries.push(entry);
  }
  return entries;
}

/** Whether two sides of one subprotocol understand each other: each at least what the other asks for. */
export function areCompatible(left: ManifestEntry, right: ManifestEntry): boolean {
  return !isBelow(left.version, right.minimum) && !isBelow(right.version, left.minimum);
}

/** The capability tag of a subprotocol: `subprotocol:0x0400`. */
export function subprotocolTag(subprotocolId: number): string {
  return `subprotocol:0x${subprotocolId.toString(16).padStart(4, "0")}`;
}

function isBelow(left: Version, right: Version): boolean {
  return left.major < right.major || (left.major === right.major && left.minor < right.minor);
}
