import { describe, expect, it } from "vitest";
import {
  decodeAddress,
  decodeEventFrames,
  decodeHeader,
  decodeKeepAlive,
  decodeNack,
  decodePingwave,
  decodeReflex,
  decodeRendezvous,
  decodeRoutingHeader,
  decodeStreamGrant,
  decodeVersionManifest,
  emptyHeader,
  encodeAddress,
  encodeEventFrames,
  encodeHeader,
  encodeKeepAlive,
  encodeNack,
  encodePingwave,
  encodeReflex,
  encodeRendezvous,
  encodeRouted,
  encodeStreamGrant,
  encodeVersionManifest,
  forwardRouted,
  HEADER_BYTES,
  missingSequences,
  type PacketHeader,
  type Rendezvous,
  Session,
} from "./index.js";
import { noncePrefixOf } from "./packet-cipher.js";
import { associatedData, nonceOf } from "./reference-cipher.testing.js";
import { ReplayWindow } from "./replay-window.js";
import { legacyKeys, sessionIdOfHandshake } from "./session-keys.js";
import { establishedFrom, hex, unhex, type Vector, vectors } from "./vectors.testing.js";

const padded = (header: Uint8Array, length: number): Uint8Array => {
  const packet = new Uint8Array(HEADER_BYTES + length + 16);
  packet.set(header);
  return packet;
};

describe("packet headers", () => {
  it.each(
    vectors<{ name: string; fields: Record<string, string>; bytes: string; aad: string }>("header"),
  )("$name", ({ fields, bytes, aad }) => {
    const field = (name: string): string => fields[name] as string;
    const nonce = Buffer.from(field("nonce"), "hex");
    const header: PacketHeader = {
      flags: Number(field("flags")),
      priority: Number(field("priority")),
      hopTtl: Number(field("hop_ttl")),
      hopCount: Number(field("hop_count")),
      fragFlags: Number(field("frag_flags")),
      subprotocolId: Number(field("subprotocol")),
      channelHint: Number(field("channel_hash")),
      noncePrefix: nonce.readUInt32LE(0),
      counter: Number(nonce.readBigUInt64LE(4)),
      sessionId: BigInt(field("session_id")),
      streamId: BigInt(field("stream_id")),
      sequence: BigInt(field("sequence")),
      subnetId: Number(field("subnet_id")),
      originHash: Number(field("origin_hash")),
      fragmentId: Number(field("fragment_id")),
      fragmentOffset: Number(field("fragment_offset")),
      payloadLength: Number(field("payload_len")),
      eventCount: Number(field("event_count")),
    };
    // Counters above 2^53 are not exact here, and no session reaches them.
    if (Number.isSafeInteger(header.counter)) expect(hex(encodeHeader(header))).toBe(bytes);
    expect(decodeHeader(padded(unhex(bytes), header.payloadLength))).toEqual(header);
    expect(hex(associatedData(unhex(bytes)))).toBe(aad);
  });

  it("are refused for each rule they break", () => {
    const good = padded(encodeHeader({ ...emptyHeader, payloadLength: 5, eventCount: 1 }), 5);
    expect(decodeHeader(good)).toBeDefined();
    const broken = (change: (packet: Uint8Array) => void): Uint8Array => {
      const packet = good.slice();
      change(packet);
      return packet;
    };
    expect(decodeHeader(good.subarray(0, 63))).toBeUndefined();
    expect(decodeHeader(good.subarray(0, -1))).toBeUndefined();
    expect(decodeHeader(new Uint8Array([...good, 0]))).toBeUndefined();
    for (const [at, value] of [
      [0, 0x46],
      [1, 0x4f],
      [2, 0],
      [2, 2],
      [60, 6],
      [60, 4],
    ] as const) {
      expect(decodeHeader(broken((packet) => packet.fill(value, at, at + 1)))).toBeUndefined();
    }
    const sized = (payloadLength: number, eventCount: number): Uint8Array =>
      padded(encodeHeader({ ...emptyHeader, payloadLength, eventCount }), payloadLength);
    expect(decodeHeader(sized(8112, 2028))).toBeDefined();
    expect(decodeHeader(sized(8113, 1))).toBeUndefined();
    expect(decodeHeader(sized(8112, 2029))).toBeUndefined();
  });
});

describe("nonces", () => {
  it.each(vectors("nonce"))("$name", (vector: Vector) => {
    const prefix = noncePrefixOf(BigInt(`0x${vector["session_id"]}`));
    expect(hex(nonceOf(prefix, 0n)).slice(0, 8)).toBe(vector["prefix"]);
    expect(hex(nonceOf(prefix, BigInt(vector["counter"] as string)))).toBe(vector["nonce"]);
  });
});

describe("event frames", () => {
  it.each(
    vectors<{
      name: string;
      events: string[];
      count: number;
      bytes: string;
      decode_only?: boolean;
    }>("event_frames"),
  )("$name", (vector) => {
    expect(decodeEventFrames(unhex(vector.bytes), vector.count).map(hex)).toEqual(vector.events);
    if (vector.decode_only !== true)
      expect(hex(encodeEventFrames(vector.events.map(unhex)))).toBe(vector.bytes);
  });
});

describe("packets", () => {
  const all = [...vectors<PacketVector>("packet"), ...vectors<PacketVector>("data")];
  interface PacketVector {
    readonly name: string;
    readonly key: string;
    readonly session_id: string;
    readonly packet: string;
    readonly events: string[];
    readonly counter?: string;
  }

  it.each(all)("open: $name", ({ key, session_id, packet, events }) => {
    const session = new Session(
      establishedFrom({ sessionId: BigInt(`0x${session_id}`), receiveKey: unhex(key) }),
      0,
    );
    const opened = session.open(unhex(packet), 0);
    expect(
      decodeEventFrames(opened?.payload ?? new Uint8Array(), opened?.eventCount ?? 0).map(hex),
    ).toEqual(events);
    expect(session.open(unhex(packet), 0)).toBeUndefined();
    expect(session.lastRejection).toBe("replay");
  });

  it.each(vectors<PacketVector>("packet"))(
    "seal: $name",
    ({ key, session_id, packet, events, counter }) => {
      const session = new Session(
        establishedFrom({ sessionId: BigInt(`0x${session_id}`), sendKey: unhex(key) }),
        0,
      );
      const header = decodeHeader(unhex(packet)) as PacketHeader;
      for (let skipped = 0; skipped < Number(counter); skipped += 1) session.heartbeat(0);
      expect(hex(session.seal(header, encodeEventFrames(events.map(unhex)), 0))).toBe(packet);
    },
  );

  it("of the wheel are verified: its heartbeat", () => {
    const [vector] = vectors("heartbeat");
    const session = new Session(
      establishedFrom({
        sessionId: BigInt(`0x${vector?.["session_id"]}`),
        receiveKey: unhex(vector?.["key"] ?? ""),
      }),
      0,
    );
    expect(session.open(unhex(vector?.["packet"] ?? ""), 0)?.payload).toHaveLength(0);
  });
});

describe("session keys", () => {
  it.each(vectors("kdf"))("$name", (vector: Vector) => {
    const hash = unhex(vector["handshake_hash"] ?? "");
    const keys = legacyKeys(hash);
    expect([keys.initiatorToResponder, keys.responderToInitiator].map(hex)).toEqual([
      vector["initiator_tx"],
      vector["initiator_rx"],
    ]);
    expect(sessionIdOfHandshake(hash).toString(16).padStart(16, "0")).toBe(vector["session_id"]);
  });
});

describe("the replay window", () => {
  it.each(vectors<{ name: string; counters: number[]; accepted: boolean[] }>("replay_window"))(
    "$name",
    ({ counters, accepted }) => {
      const window = new ReplayWindow(1024, 1024);
      expect(counters.map((counter) => window.mark(counter))).toEqual(accepted);
    },
  );
});

describe("routing headers", () => {
  it.each(
    vectors<{
      name: string;
      fields: { dest_id: string; src_id: string; ttl: number; hop_count: number; flags: number };
      bytes: string;
    }>("routing_header"),
  )("$name", ({ fields, bytes }) => {
    const header = {
      destination: BigInt(fields.dest_id),
      source: Number(fields.src_id),
      ttl: fields.ttl,
      hopCount: fields.hop_count,
      flags: fields.flags,
    };
    expect(hex(encodeRouted(header, new Uint8Array(0)))).toBe(bytes);
    expect(decodeRoutingHeader(unhex(bytes))).toEqual(header);
  });

  it.each(vectors("routing_forward"))("$name", (vector: Vector) => {
    expect(hex(forwardRouted(unhex(vector["before"] ?? "")) ?? new Uint8Array())).toBe(
      vector["after"],
    );
  });

  it("are not forwarded at the end of their hops", () => {
    const header = { destination: 1n, source: 1, ttl: 0, hopCount: 255, flags: 0 };
    expect(forwardRouted(encodeRouted(header, new Uint8Array(64)))).toBeUndefined();
    const last = forwardRouted(
      encodeRouted({ ...header, ttl: 1, flags: 0x1f }, new Uint8Array(64)),
    );
    expect(decodeRoutingHeader(last ?? new Uint8Array())).toEqual({
      ...header,
      ttl: 0,
      flags: 0x0f,
    });
    expect(last?.[4]).toBe(0x0f);
  });
});

describe("small messages", () => {
  it.each(
    vectors<{
      name: string;
      next_expected: string;
      missing_bitmap: string;
      bytes: string;
      missing: string[];
    }>("nack"),
  )("NACK: $name", (vector) => {
    const nack = {
      nextExpected: BigInt(vector.next_expected),
      missingBitmap: BigInt(`0x${vector.missing_bitmap}`),
    };
    expect(hex(encodeNack(nack))).toBe(vector.bytes);
    expect(decodeNack(unhex(vector.bytes))).toEqual(nack);
    expect(missingSequences(nack).map(String)).toEqual(vector.missing);
  });

  it.each(vectors("nack_invalid"))("invalid NACK: $name", (vector: Vector) => {
    expect(decodeNack(unhex(vector["bytes"] ?? ""))).toBeUndefined();
  });

  it.each(vectors("stream_window"))("grant: $name", (vector: Vector) => {
    const grant = {
      streamId: BigInt(vector["stream_id"] ?? 0),
      totalConsumed: BigInt(vector["total_consumed"] ?? 0),
    };
    expect(hex(encodeStreamGrant(grant))).toBe(vector["bytes"]);
    expect(decodeStreamGrant(unhex(vector["bytes"] ?? ""))).toEqual(grant);
  });

  it.each(vectors("reflex"))("reflex: $name", (vector: Vector) => {
    expect(hex(encodeReflex(vector["address"] ?? ""))).toBe(vector["bytes"]);
    expect(decodeReflex(unhex(vector["bytes"] ?? ""))).toBe(vector["address"]);
  });

  it.each(vectors("rendezvous"))("rendezvous: $name", (vector: Vector) => {
    const number = (name: string): bigint => BigInt(vector[name] ?? 0);
    const messages: Record<string, Rendezvous> = {
      PunchRequest: {
        kind: "request",
        target: number("target"),
        reflex: vector["self_reflex"] ?? "",
      },
      PunchIntroduce: {
        kind: "introduce",
        peer: number("peer"),
        peerReflex: vector["peer_reflex"] ?? "",
        fireAtMs: number("fire_at_ms"),
      },
      PunchAck: {
        kind: "ack",
        fromPeer: number("from_peer"),
        toPeer: number("to_peer"),
        punchId: Number(vector["punch_id"]),
      },
    };
    const message = messages[vector.name] as Rendezvous;
    expect(hex(encodeRendezvous(message))).toBe(vector["bytes"]);
    expect(decodeRendezvous(unhex(vector["bytes"] ?? ""))).toEqual(message);
  });

  it.each(vectors("keepalive"))("keep-alive: $name", (vector: Vector) => {
    const bytes = vector["bytes"] ?? vector["packet"] ?? "";
    const message = {
      sender: BigInt(vector["sender_node_id"] ?? 0),
      punchId: Number(vector["punch_id"]),
    };
    expect(hex(encodeKeepAlive(message))).toBe(bytes);
    expect(decodeKeepAlive(unhex(bytes))).toEqual(message);
  });

  it.each(
    vectors<{
      name: string;
      entries: { id: string; version: string; min: string }[];
      bytes: string;
    }>("manifest"),
  )("manifest: $name", ({ entries, bytes }) => {
    const version = (text: string) => ({
      major: Number(text.split(".")[0]),
      minor: Number(text.split(".")[1]),
    });
    const manifest = entries.map(({ id, version: own, min }) => ({
      subprotocolId: Number.parseInt(id, 16),
      version: version(own),
      minimum: version(min),
    }));
    expect(hex(encodeVersionManifest(manifest))).toBe(bytes);
    expect(decodeVersionManifest(unhex(bytes))).toEqual(manifest);
    expect(decodeVersionManifest(unhex(`${bytes}00`))).toBeUndefined();
    expect(
      decodeVersionManifest(encodeVersionManifest([...manifest, ...manifest])),
    ).toBeUndefined();
  });

  it.each(vectors<{ name: string; packet: string; decoded: Record<string, string> }>("pingwave"))(
    "pingwave: $name",
    ({ packet, decoded }) => {
      const wave = decodePingwave(unhex(packet));
      expect(wave).toMatchObject({
        origin: BigInt(decoded["origin"] ?? 0),
        sequence: BigInt(decoded["seq"] ?? 0),
        ttl: Number(decoded["ttl"]),
        hopCount: Number(decoded["hop_count"]),
        sentAtUs: BigInt(decoded["ts_us"] ?? 0),
        health: "healthy",
      });
      expect(wave === undefined ? "" : hex(encodePingwave(wave))).toBe(packet);
    },
  );

  it("carry addresses of both families, in one spelling", () => {
    for (const address of [
      "0.0.0.0:0",
      "255.255.255.255:65535",
      "[::]:1",
      "[2001:db8::1]:9001",
      "[::ffff:1.2.3.4]:9",
    ]) {
      expect(decodeAddress(encodeAddress(address))).toBe(address);
    }
    expect(decodeAddress(new Uint8Array(19))).toBeUndefined();
    expect(decodeAddress(new Uint8Array(18).fill(4))).toBeUndefined();
    for (const text of [
      "",
      "1.2.3.4",
      "1.2.3.4:",
      "1.2.3.4:65536",
      "1.2.3.4:1e3",
      "[1.2.3.4]:1",
      "::1:1",
      "[fe80::1%eth0]:1",
      "localhost:1",
    ]) {
      expect(() => encodeAddress(text)).toThrow("invalid socket address syntax");
    }
  });
});
