import { describe, expect, it } from "vitest";
import { decodeAddress, encodeAddress } from "./address.js";
import { datagramKind } from "./datagram-kind.js";
import { decodeEventFrames, encodeEventFrames } from "./event-frames.js";
import { decodeNack, encodeNack, missingSequences } from "./nack.js";
import { associatedData, nonceOf, noncePrefixOf } from "./packet-cipher.js";
import { decodeHeader, emptyHeader, encodeHeader, type PacketHeader } from "./packet-header.js";
import { decodePingwave, encodePingwave } from "./pingwave.js";
import { ReplayWindow } from "./replay-window.js";
import { decodeRoutingHeader, encodeRouted, forwardRouted } from "./routing-header.js";
import { decodeStreamGrant, encodeStreamGrant } from "./stream-grant.js";
import {
  decodeKeepAlive,
  decodeReflex,
  decodeRendezvous,
  encodeKeepAlive,
  encodeReflex,
  encodeRendezvous,
  type Rendezvous,
} from "./traversal-messages.js";
import { hex, unhex, type Vector, vectors } from "./vectors.testing.js";
import {
  areCompatible,
  decodeVersionManifest,
  defaultManifest,
  encodeVersionManifest,
  subprotocolTag,
} from "./version-manifest.js";

function headerOf(fields: Readonly<Record<string, string>>): PacketHeader {
  const nonce = unhex(fields["nonce"] as string);
  const view = new DataView(nonce.buffer);
  return {
    ...emptyHeader,
    flags: Number(fields["flags"]),
    priority: Number(fields["priority"]),
    hopTtl: Number(fields["hop_ttl"]),
    hopCount: Number(fields["hop_count"]),
    fragFlags: Number(fields["frag_flags"]),
    subprotocolId: Number(fields["subprotocol"]),
    channelHint: Number(fields["channel_hash"]),
    noncePrefix: view.getUint32(0, true),
    counter: Number(view.getBigUint64(4, true)),
    sessionId: BigInt(fields["session_id"] as string),
    streamId: BigInt(fields["stream_id"] as string),
    sequence: BigInt(fields["sequence"] as string),
    subnetId: Number(fields["subnet_id"]),
    originHash: Number(fields["origin_hash"]),
    fragmentId: Number(fields["fragment_id"]),
    fragmentOffset: Number(fields["fragment_offset"]),
    payloadLength: Number(fields["payload_len"]),
    eventCount: Number(fields["event_count"]),
  };
}

describe("packet header", () => {
  const cases = vectors<Vector & { readonly fields: Readonly<Record<string, string>> }>("header");

  it.each(cases)("$name", ({ fields, bytes, aad }) => {
    const header = headerOf(fields);
    // No session sends as many packets as would make a counter an inexact number.
    const exact = Number.isSafeInteger(header.counter);
    const encoded = encodeHeader(header);
    if (!exact) encoded.set(unhex(fields["nonce"] as string), 12);
    expect(hex(encoded)).toBe(bytes);
    expect(hex(associatedData(unhex(bytes as string)))).toBe(aad);
    const packet = new Uint8Array(80 + header.payloadLength);
    packet.set(unhex(bytes as string));
    expect(decodeHeader(packet)).toEqual(header);
  });

  const valid = (): Uint8Array =>
    Uint8Array.from([...encodeHeader({ ...emptyHeader, payloadLength: 4 }), ...Array(20).fill(0)]);
  const changed = (at: number, value: number): Uint8Array => valid().fill(value, at, at + 1);

  it.each([
    ["shorter than a header", valid().subarray(0, 63)],
    ["nothing at all", new Uint8Array(0)],
    ["another first byte", changed(0, 0x46)],
    ["another second byte", changed(1, 0x4f)],
    ["version 0", changed(2, 0)],
    ["version 2", changed(2, 2)],
    ["one byte too few", valid().subarray(0, 83)],
    ["one byte too many", Uint8Array.from([...valid(), 0])],
    ["a payload length that is not there", changed(60, 5)],
    ["a payload of 8113 bytes", changed(60, 0xb1).fill(0x1f, 61, 62)],
    ["2029 events", changed(62, 0xed).fill(0x07, 63, 64)],
  ])("is refused: %s", (_, packet) => {
    expect(decodeHeader(packet)).toBeUndefined();
  });

  it("takes the largest payload and 2028 events, and handshakes of any length", () => {
    const largest = encodeHeader({ ...emptyHeader, payloadLength: 8112, eventCount: 2028 });
    expect(decodeHeader(Uint8Array.from([...largest, ...Array(8128).fill(0)]))).toBeDefined();
    const tooLarge = encodeHeader({ ...emptyHeader, payloadLength: 8113 });
    expect(decodeHeader(Uint8Array.from([...tooLarge, ...Array(8129).fill(0)]))).toBeUndefined();
    const tooMany = encodeHeader({ ...emptyHeader, eventCount: 2029 });
    expect(decodeHeader(Uint8Array.from([...tooMany, ...Array(16).fill(0)]))).toBeUndefined();
    expect(
      decodeHeader(encodeHeader({ ...emptyHeader, flags: 0x10, payloadLength: 48 })),
    ).toBeDefined();
    expect(decodeHeader(encodeHeader({ ...emptyHeader, flags: 0x20 }))).toBeDefined();
  });
});

describe("nonce", () => {
  it.each(vectors("nonce"))("$name", ({ session_id, counter, prefix, nonce }) => {
    const value = noncePrefixOf(BigInt(`0x${session_id}`));
    expect(hex(nonceOf(value, Number(counter)).subarray(0, 4))).toBe(prefix);
    // Counters that are exact numbers; a session ends long before the others.
    if (Number.isSafeInteger(Number(counter))) {
      expect(hex(nonceOf(value, Number(counter)))).toBe(nonce);
    }
  });
});

describe("event frames", () => {
  interface Frames {
    readonly name: string;
    readonly events: readonly string[];
    readonly count: number;
    readonly bytes: string;
    readonly decode_only?: boolean;
  }

  it.each(vectors<Frames>("event_frames"))("$name", (vector) => {
    expect(decodeEventFrames(unhex(vector.bytes), vector.count).map(hex)).toEqual(vector.events);
    if (vector.decode_only !== true) {
      expect(hex(encodeEventFrames(vector.events.map(unhex)))).toBe(vector.bytes);
    }
  });
});

describe("replay window of a 0.19.0 session", () => {
  interface Arrivals {
    readonly name: string;
    readonly counters: readonly number[];
    readonly accepted: readonly boolean[];
  }

  it.each(vectors<Arrivals>("replay_window"))("$name", ({ counters, accepted }) => {
    const window = new ReplayWindow(1024, 1024);
    expect(counters.map((counter) => window.mark(counter))).toEqual(accepted);
  });
});

describe("routing header", () => {
  it.each(
    vectors<Vector & { readonly fields: Readonly<Record<string, string>> }>("routing_header"),
  )("$name", ({ fields, bytes }) => {
    const header = {
      ttl: Number(fields["ttl"]),
      hopCount: Number(fields["hop_count"]),
      flags: Number(fields["flags"]),
      source: Number(fields["src_id"]),
      destination: BigInt(fields["dest_id"] as string),
    };
    expect(hex(encodeRouted(header, new Uint8Array(0)))).toBe(bytes);
    expect(decodeRoutingHeader(unhex(bytes as string))).toEqual(header);
  });

  it.each(vectors("routing_forward"))("$name", ({ before, after }) => {
    expect(hex(forwardRouted(unhex(before as string)) as Uint8Array)).toBe(after);
  });

  it("goes no further at ttl 0, and drops the high flags", () => {
    expect(forwardRouted(unhex("525400000000a1000000b20000000000bbbb"))).toBeUndefined();
    const header = decodeRoutingHeader(unhex("52540808f300a1000000b20000000000bbbb"));
    expect(header?.flags).toBe(3);
    expect(decodeRoutingHeader(unhex("525408080000a1000000b200000000"))).toBeUndefined();
    expect(decodeRoutingHeader(unhex("525508080000a1000000b20000000000"))).toBeUndefined();
    expect(hex(forwardRouted(unhex("525401fff00000000000000000000000000000")) as Uint8Array)).toBe(
      "525400ff000000000000000000000000000000",
    );
  });
});

describe("NACK", () => {
  interface NackVector extends Record<string, unknown> {
    readonly next_expected: string;
    readonly missing_bitmap: string;
    readonly bytes: string;
    readonly missing: readonly string[];
  }

  it.each(vectors<NackVector>("nack"))("$name", (vector) => {
    const nack = {
      nextExpected: BigInt(vector.next_expected),
      missingBitmap: BigInt(`0x${vector.missing_bitmap}`),
    };
    expect(hex(encodeNack(nack))).toBe(vector.bytes);
    expect(decodeNack(unhex(vector.bytes))).toEqual(nack);
    expect(missingSequences(nack).map(String)).toEqual(vector.missing);
  });

  it.each(vectors("nack_invalid"))("is refused: $name", ({ bytes }) => {
    expect(decodeNack(unhex(bytes as string))).toBeUndefined();
  });
});

describe("stream grant", () => {
  it.each(vectors("stream_window"))("$name", ({ stream_id, total_consumed, bytes }) => {
    const grant = {
      streamId: BigInt(stream_id as string),
      totalConsumed: BigInt(total_consumed as string),
    };
    expect(hex(encodeStreamGrant(grant))).toBe(bytes);
    expect(decodeStreamGrant(unhex(bytes as string))).toEqual(grant);
    expect(decodeStreamGrant(unhex(`${bytes}00`))).toBeUndefined();
  });
});

describe("traversal messages", () => {
  it.each(vectors("reflex"))("reflex: $name", ({ address, bytes }) => {
    expect(hex(encodeReflex(address as string))).toBe(bytes);
    expect(decodeReflex(unhex(bytes as string))).toBe(address);
  });

  const rendezvous = (vector: Vector): Rendezvous => {
    switch (vector.name) {
      case "PunchRequest":
        return {
          kind: "request",
          target: BigInt(vector["target"] as string),
          reflex: vector["self_reflex"] as string,
        };
      case "PunchIntroduce":
        return {
          kind: "introduce",
          peer: BigInt(vector["peer"] as string),
          peerReflex: vector["peer_reflex"] as string,
          fireAtMs: BigInt(vector["fire_at_ms"] as string),
        };
      default:
        return {
          kind: "ack",
          fromPeer: BigInt(vector["from_peer"] as string),
          toPeer: BigInt(vector["to_peer"] as string),
          punchId: Number(vector["punch_id"]),
        };
    }
  };

  it.each(vectors("rendezvous"))("rendezvous: $name", (vector) => {
    const message = rendezvous(vector);
    const bytes = unhex(vector["bytes"] as string);
    expect(hex(encodeRendezvous(message))).toBe(vector["bytes"]);
    expect(decodeRendezvous(bytes)).toEqual(message);
    expect(decodeRendezvous(bytes.subarray(0, -1))).toBeUndefined();
    expect(decodeRendezvous(Uint8Array.from([...bytes, 0]))).toBeUndefined();
    for (const kind of [0, 1, 2, 3, 4]) {
      if (kind !== bytes[0]) {
        expect(decodeRendezvous(Uint8Array.from(bytes).fill(kind, 0, 1))).toBeUndefined();
      }
    }
    if (message.kind !== "ack") {
      expect(decodeRendezvous(Uint8Array.from(bytes).fill(5, 9, 10))).toBeUndefined();
    }
  });

  it.each(vectors("keepalive"))("keep-alive: $name", (vector) => {
    const bytes = vector["bytes"] ?? vector["packet"] ?? "";
    const keepAlive = {
      sender: BigInt(vector["sender_node_id"] as string),
      punchId: Number(vector["punch_id"]),
    };
    expect(hex(encodeKeepAlive(keepAlive))).toBe(bytes);
    expect(decodeKeepAlive(unhex(bytes))).toEqual(keepAlive);
    expect(decodeKeepAlive(unhex(`${bytes}00`))).toBeUndefined();
    expect(datagramKind(unhex(bytes))).toBe("keep-alive");
  });

  it("refuses an address of another family or length", () => {
    const bytes = encodeAddress("203.0.113.5:9001");
    expect(decodeAddress(Uint8Array.from(bytes).fill(0, 0, 1))).toBeUndefined();
    expect(decodeAddress(bytes.subarray(1))).toBeUndefined();
    expect(() => encodeAddress("203.0.113.5")).toThrow(/invalid socket address syntax/);
  });
});

describe("version manifest", () => {
  interface ManifestVector extends Record<string, unknown> {
    readonly bytes: string;
    readonly entries: readonly {
      readonly id: string;
      readonly version: string;
      readonly min: string;
    }[];
  }
  const version = (text: string): { readonly major: number; readonly minor: number } => {
    const [major = 0, minor = 0] = text.split(".").map(Number);
    return { major, minor };
  };

  it.each(vectors<ManifestVector>("manifest"))("$name", ({ entries, bytes }) => {
    const manifest = entries.map(({ id, version: own, min }) => ({
      subprotocolId: Number.parseInt(id, 16),
      version: version(own),
      minimum: version(min),
    }));
    expect(hex(encodeVersionManifest(manifest))).toBe(bytes);
    expect(decodeVersionManifest(unhex(bytes))).toEqual(manifest);
  });

  it.each([
    ["empty", ""],
    ["too short for its count", "010000040100"],
    ["longer than its count", "00000004"],
    ["a minimum above the version", "0100000401000200"],
    ["a minor minimum above the version", "0100000401000101"],
    ["the same id twice", "020000040100010000040100010000"],
  ])("is refused: %s", (_, bytes) => {
    expect(decodeVersionManifest(unhex(bytes))).toBeUndefined();
  });

  it("is compatible when each side is at least what the other asks for", () => {
    const entry = (own: string, min: string) => ({
      subprotocolId: 1,
      version: version(own),
      minimum: version(min),
    });
    expect(areCompatible(entry("1.2", "1.0"), entry("1.0", "1.0"))).toBe(true);
    expect(areCompatible(entry("1.2", "1.1"), entry("1.0", "1.0"))).toBe(false);
    expect(areCompatible(entry("1.0", "1.0"), entry("2.0", "2.0"))).toBe(false);
    expect(areCompatible(entry("1.9", "1.0"), entry("2.0", "1.9"))).toBe(true);
    expect(defaultManifest.map(({ subprotocolId }) => subprotocolTag(subprotocolId))).toEqual([
      "subprotocol:0x0400",
      "subprotocol:0x0401",
      "subprotocol:0x0500",
      "subprotocol:0x0600",
      "subprotocol:0x0b00",
    ]);
  });
});

describe("pingwave", () => {
  interface Wave {
    readonly name: string;
    readonly packet: string;
    readonly decoded: Readonly<Record<string, string>>;
  }

  it.each(vectors<Wave>("pingwave"))("$name", ({ packet, decoded }) => {
    const bytes = unhex(packet);
    const wave = decodePingwave(bytes);
    expect(wave).toMatchObject({
      origin: BigInt(decoded["origin"] as string),
      sequence: BigInt(decoded["seq"] as string),
      ttl: Number(decoded["ttl"]),
      hopCount: Number(decoded["hop_count"]),
      sentAtUs: BigInt(decoded["ts_us"] as string),
      health: "healthy",
    });
    expect(wave && hex(encodePingwave(wave))).toBe(packet);
    expect(datagramKind(bytes)).toBe("pingwave");
    expect(decodePingwave(bytes.subarray(1))).toBeUndefined();
    expect(decodePingwave(Uint8Array.from(bytes).fill(4, 63, 64))).toBeUndefined();
    expect(decodePingwave(Uint8Array.from([0x45, 0x4e, ...bytes.subarray(2)]))).toBeUndefined();
  });
});

describe("a datagram on a mesh socket", () => {
  const starting = (length: number, ...bytes: number[]): Uint8Array => {
    const datagram = new Uint8Array(length);
    datagram.set(bytes);
    return datagram;
  };

  it.each([
    ["keep-alive", starting(14, 0x50, 0x48)],
    ["unknown", starting(15, 0x50, 0x48)],
    ["pingwave", starting(72)],
    ["pingwave", starting(72, 0x52, 0x54)],
    ["packet", starting(72, 0x45, 0x4e)],
    ["routed", starting(82, 0x52, 0x54)],
    ["unknown", starting(81, 0x52, 0x54)],
    ["packet", starting(2, 0x45, 0x4e)],
    ["unknown", starting(0)],
    ["unknown", starting(100, 0x45)],
  ])("is sorted as %s", (kind, datagram) => {
    expect(datagramKind(datagram)).toBe(kind);
  });
});
