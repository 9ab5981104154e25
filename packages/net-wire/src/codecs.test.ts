import { isIPv4, isIPv6, SocketAddress } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Address,
  decodeAddress,
  encodeAddress,
  formatAddress,
  parseAddress,
} from "./address.js";
import { datagramKind } from "./datagram-kind.js";
import { decodeEventFrames, encodeEventFrames, packEvents } from "./event-frames.js";
import { decodeNack, encodeNack } from "./nack.js";
import { decodeOffer, encodeOffer } from "./offer.js";
import { decodeHeader, encodeHeader, type PacketHeader } from "./packet-header.js";
import { decodePingwave, encodePingwave, type Pingwave, pingwaveHealth } from "./pingwave.js";
import {
  decodeRoutingHeader,
  encodeRouted,
  forwardRouted,
  type RoutingHeader,
} from "./routing-header.js";
import { decodeStreamGrant, encodeStreamGrant } from "./stream-grant.js";
import {
  decodeKeepAlive,
  decodeReflex,
  decodeRendezvous,
  encodeKeepAlive,
  encodeRendezvous,
  type Rendezvous,
} from "./traversal-messages.js";
import { decodeVersionManifest, encodeVersionManifest } from "./version-manifest.js";

const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const bytes = fc.uint8Array({ maxLength: 300 });

const addresses: fc.Arbitrary<Address> = fc
  .tuple(fc.oneof(fc.ipV4(), fc.ipV6()), u16)
  .map(([ip, port]) => formatAddress({ family: ip.includes(":") ? 6 : 4, ip, port }));

const headers: fc.Arbitrary<PacketHeader> = fc.record({
  flags: u8.filter((flags) => (flags & 0x30) === 0),
  priority: u8,
  hopTtl: u8,
  hopCount: u8,
  fragFlags: u8,
  subprotocolId: u16,
  channelHint: u16,
  noncePrefix: u32,
  counter: fc.maxSafeNat(),
  sessionId: u64,
  streamId: u64,
  sequence: u64,
  subnetId: u32,
  originHash: u32,
  fragmentId: u16,
  fragmentOffset: u16,
  payloadLength: fc.nat(8112),
  eventCount: fc.nat(2028),
});

const pingwaves = fc.record({
  // An origin whose first bytes are a packet's magic cannot be told from a packet.
  origin: u64.filter((origin) => (origin & 0xffffn) !== 0x4e45n),
  originTail: fc.option(
    fc.uint8Array({ minLength: 24, maxLength: 24 }).filter((tail) => tail.some((byte) => byte > 0)),
    { nil: undefined },
  ),
  sequence: u64,
  ttl: u8,
  hopCount: u8,
  sentAtUs: u64,
  capabilityHash: u64,
  capabilityVersion: u32,
  load: u8,
  health: fc.constantFrom(...pingwaveHealth),
  gpu: fc.boolean(),
  modelSlots: u8,
  memoryTier: u8,
  tools: u8,
  flags: u32,
}) as fc.Arbitrary<Pingwave>;

const rendezvous: fc.Arbitrary<Rendezvous> = fc.oneof(
  fc.record({ kind: fc.constant("request"), target: u64, reflex: addresses }),
  fc.record({ kind: fc.constant("introduce"), peer: u64, peerReflex: addresses, fireAtMs: u64 }),
  fc.record({ kind: fc.constant("ack"), fromPeer: u64, toPeer: u64, punchId: u32 }),
) as fc.Arbitrary<Rendezvous>;

const version = fc.record({ major: u8, minor: u8 });

/** What is written is read back the same. */
function survives<T>(
  values: fc.Arbitrary<T>,
  write: (value: T) => Uint8Array,
  read: (bytes: Uint8Array) => unknown,
): void {
  fc.assert(
    fc.property(values, (value) => {
      expect(read(write(value))).toEqual(value);
    }),
  );
}

describe("whatever is written is read back", () => {
  it("packet headers", () => {
    survives(
      headers,
      (header) => {
        const packet = new Uint8Array(80 + header.payloadLength);
        packet.set(encodeHeader(header));
        return packet;
      },
      decodeHeader,
    );
  });
  it("events", () => {
    fc.assert(
      fc.property(fc.array(bytes), (events) => {
        expect(decodeEventFrames(encodeEventFrames(events), events.length)).toEqual(events);
      }),
    );
  });
  it("addresses", () => {
    survives(addresses, encodeAddress, decodeAddress);
  });
  it("pingwaves", () => {
    survives(pingwaves, encodePingwave, decodePingwave);
  });
  it("rendezvous messages", () => {
    survives(rendezvous, encodeRendezvous, decodeRendezvous);
  });
  it("keep-alives", () => {
    survives(fc.record({ sender: u64, punchId: u32 }), encodeKeepAlive, decodeKeepAlive);
  });
  it("grants and NACKs", () => {
    survives(
      fc.record({ streamId: u64, totalConsumed: u64 }),
      encodeStreamGrant,
      decodeStreamGrant,
    );
    survives(fc.record({ nextExpected: u64, missingBitmap: u64 }), encodeNack, decodeNack);
  });
  it("routing headers", () => {
    survives(
      fc.record({
        ttl: u8,
        hopCount: u8,
        flags: fc.nat(15),
        reserved: fc.constantFrom(undefined, 1, 255),
        source: u32,
        destination: u64,
      }) as fc.Arbitrary<RoutingHeader>,
      (header) => encodeRouted(header, Uint8Array.of(1, 2)),
      decodeRoutingHeader,
    );
  });
  it("version manifests", () => {
    const entry = fc
      .record({ subprotocolId: u16, version, minimum: version })
      .filter(
        (e) =>
          e.minimum.major < e.version.major ||
          (e.minimum.major === e.version.major && e.minimum.minor <= e.version.minor),
      );
    survives(
      fc.uniqueArray(entry, { selector: (e) => e.subprotocolId }),
      encodeVersionManifest,
      decodeVersionManifest,
    );
  });
  it("offers", () => {
    survives(
      fc.record({
        features: u32,
        receiveWindow: fc.nat(0x3f_ffff).map((kib) => kib * 1024),
        extensions: fc.array(fc.tuple(u8, bytes)).map((entries) => new Map(entries)),
      }),
      encodeOffer,
      decodeOffer,
    );
  });
});

describe("no decoder throws, and what it takes it would write the same", () => {
  const decoders: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array | undefined>> = {
    nack: (raw) => map(decodeNack(raw), encodeNack),
    grant: (raw) => map(decodeStreamGrant(raw), encodeStreamGrant),
    keepAlive: (raw) => map(decodeKeepAlive(raw), encodeKeepAlive),
    manifest: (raw) => map(decodeVersionManifest(raw), encodeVersionManifest),
  };
  // Bytes that mean nothing, or that a reader folds (a boolean above 1, an address's unused bytes).
  const tolerant: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
    header: decodeHeader,
    kind: datagramKind,
    pingwave: decodePingwave,
    routing: decodeRoutingHeader,
    forward: forwardRouted,
    rendezvous: decodeRendezvous,
    reflex: decodeReflex,
    address: decodeAddress,
    offer: decodeOffer,
    frames: (raw) => decodeEventFrames(raw, raw[0] ?? 0),
  };
  // Lengths at which some message exists, and openings that get past the first checks.
  const hostile = fc
    .tuple(
      fc.constantFrom(
        [],
        [0x45, 0x4e, 1],
        [0x52, 0x54],
        [0x50, 0x48],
        [1],
        [2],
        [3],
        [0x47, 0x46, 1],
      ),
      fc.constantFrom(0, 1, 14, 16, 18, 19, 21, 28, 36, 63, 64, 72, 80, 82, 100),
      fc.uint8Array({ minLength: 100, maxLength: 100 }),
    )
    .map(([start, length, noise]) => {
      noise.set(start);
      return noise.subarray(0, length);
    });

  it.each(Object.entries(decoders))("%s", (_, rewrite) => {
    fc.assert(
      fc.property(fc.oneof(hostile, bytes), (raw) => {
        const rewritten = rewrite(raw);
        if (rewritten !== undefined) expect(rewritten).toEqual(raw);
      }),
      { numRuns: 500 },
    );
  });

  it.each(Object.entries(tolerant))("%s", (_, decode) => {
    fc.assert(
      fc.property(fc.oneof(hostile, bytes), (raw) => {
        const before = raw.slice();
        decode(raw);
        expect(raw).toEqual(before);
      }),
      { numRuns: 500 },
    );
  });
});

function map<T>(value: T | undefined, write: (value: T) => Uint8Array): Uint8Array | undefined {
  return value === undefined ? undefined : write(value);
}

describe("events are divided over packets", () => {
  it("in order, none above the limits, and none but the first of a packet could have gone before", () => {
    const sizes = fc.array(fc.oneof(fc.nat(20), fc.nat(8108)), { maxLength: 60 });
    fc.assert(
      fc.property(sizes, (lengths) => {
        const events = lengths.map((length) => new Uint8Array(length));
        const packets = packEvents(events);
        expect(packets.flat()).toEqual(events);
        const size = (packet: readonly Uint8Array[]) =>
          packet.reduce((sum, event) => sum + 4 + event.length, 0);
        for (const [index, packet] of packets.entries()) {
          expect(packet.length).toBeGreaterThan(0);
          expect(size(packet)).toBeLessThanOrEqual(8112);
          const next = packets[index + 1]?.[0];
          if (next !== undefined) expect(size(packet) + 4 + next.length).toBeGreaterThan(8112);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("2028 to a packet at most, however small", () => {
    const events = Array.from({ length: 5000 }, () => new Uint8Array(0));
    expect(packEvents(events).map((packet) => packet.length)).toEqual([2028, 2028, 944]);
  });

  it("unless one fits into no packet", () => {
    expect(packEvents([new Uint8Array(8108)])).toHaveLength(1);
    expect(() => packEvents([new Uint8Array(1), new Uint8Array(8109)])).toThrow(
      /event 1 has 8109 bytes; one packet carries at most 8108/,
    );
  });
});

describe("addresses", () => {
  it("are the ones the system knows, in its spelling", () => {
    // 16 bytes, many of them zero, so that gaps of all lengths occur.
    const groups = fc.array(fc.oneof(fc.constant(0), fc.constant(0), fc.constant(0xffff), u16), {
      minLength: 8,
      maxLength: 8,
    });
    fc.assert(
      fc.property(groups, (values) => {
        const raw = values.map((value) => value.toString(16)).join(":");
        const parts = parseAddress(`[${raw}]:1`);
        const { address } = new SocketAddress({ family: "ipv6", address: raw });
        // inet_ntop still writes the deprecated ::a.b.c.d, which RFC 5952 does not.
        if (values.slice(0, 6).some((value) => value !== 0)) expect(parts?.ip).toBe(address);
        expect(parts?.ip && new SocketAddress({ family: "ipv6", address: parts.ip }).address).toBe(
          address,
        );
      }),
      { numRuns: 500 },
    );
    const text = fc.string({ unit: fc.constantFrom(..."0123456789abF:.[]%") });
    fc.assert(
      fc.property(fc.oneof(text, fc.ipV4(), fc.ipV4Extended(), fc.ipV6()), (ip) => {
        expect(parseAddress(`${ip}:1`) !== undefined && !ip.startsWith("[")).toBe(isIPv4(ip));
        expect(parseAddress(`[${ip}]:1`) !== undefined).toBe(isIPv6(ip) && !ip.includes("%"));
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ["127.0.0.1:0", "127.0.0.1:0"],
    ["255.255.255.255:65535", "255.255.255.255:65535"],
    ["[::1]:9000", "[::1]:9000"],
    ["[2001:DB8:0:0::1]:9000", "[2001:db8::1]:9000"],
    ["[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.1]:1"],
    ["[::ffff:c000:201]:1", "[::ffff:192.0.2.1]:1"],
    ["[1:0:0:2:0:0:0:3]:1", "[1:0:0:2::3]:1"],
  ])("%s is written %s", (text, canonical) => {
    const parts = parseAddress(text);
    expect(parts && formatAddress(parts)).toBe(canonical);
  });

  it.each([
    "",
    ":1",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:65536",
    "127.0.0.1:-1",
    "127.0.0.1:1x",
    "127.0.0.1:000001",
    "127.0.0.01:1",
    "127.0.1:1",
    "256.0.0.1:1",
    "::1:9000",
    "[127.0.0.1]:1",
    "[::1%lo]:1",
    "[::1]",
    "[:::1]:1",
    "[1:2:3:4:5:6:7]:1",
    "localhost:1",
    "[::1]]:1",
    "[::1/64]:1",
  ])("%j is none", (text) => {
    expect(parseAddress(text)).toBeUndefined();
    expect(() => encodeAddress(text)).toThrow(/invalid socket address syntax/);
  });
});
