import { ByteSlab } from "./byte-slab.js";
import type { EstablishedKeys } from "./established-keys.js";
import { ReceiveKeys, SendKeys } from "./key-epochs.js";
import {
  readU32,
  readU64Number,
  writeU16,
  writeU32,
  writeU64,
  writeU64Number,
} from "./little-endian.js";
import { NetWireError } from "./net-wire-error.js";
import { noncePrefixOf, openPacket, sealPacket } from "./packet-cipher.js";
import {
  HEADER_BYTES,
  isPlausible,
  MAX_EVENTS,
  MAX_PAYLOAD_BYTES,
  type PacketHeader,
  packetFlags,
  readHeader,
  TAG_BYTES,
} from "./packet-header.js";

/** The header fields a sender chooses, 0 where left out; the session adds its own. */
export interface SealFields {
  readonly flags?: number;
  readonly fragFlags?: number;
  readonly subprotocolId?: number;
  readonly channelHint?: number;
  readonly streamId: bigint;
  readonly sequence?: bigint;
  readonly subnetId?: number;
  readonly originHash?: number;
  readonly fragmentId?: number;
  readonly fragmentOffset?: number;
  readonly eventCount: number;
}

/** A packet that proved authentic and was not seen before. */
export interface OpenedPacket extends PacketHeader {
  /** The plaintext; empty for a heartbeat. */
  readonly payload: Uint8Array;
}

/** Why a packet was dropped. */
export type PacketRejection = "malformed" | "session" | "replay" | "forged";

export interface SessionStats {
  readonly packetsSealed: number;
  readonly packetsOpened: number;
  readonly rejected: Readonly<Record<PacketRejection, number>>;
}

/** One for all sessions, so that an idle one holds no memory. */
const slab = new ByteSlab();

/** 2^48 packets: far from where counters would stop being exact numbers. */
const LAST_COUNTER = 2 ** 48;

/**
 * The packets of one established session: seals those for the peer and opens those that come from it
 * (Net transport format, section 6). What they carry is `Session`'s, or whoever's who keeps the
 * streams. It knows no socket and no clock; times are milliseconds of any clock that does not go back.
 */
export class PacketSession {
  readonly id: bigint;
  readonly strict: boolean;
  readonly keys: EstablishedKeys;
  readonly #noncePrefix: number;
  readonly #send: SendKeys;
  readonly #receive: ReceiveKeys;
  readonly #rejected: Record<PacketRejection, number> = {
    malformed: 0,
    session: 0,
    replay: 0,
    forged: 0,
  };
  readonly #idLow: number;
  readonly #idHigh: number;
  #sealed = 0;
  #opened = 0;
  #lastActivity: number;
  #lastCounter = 0;
  #lastRejection: PacketRejection = "malformed";

  constructor(keys: EstablishedKeys, now: number) {
    this.id = keys.sessionId;
    this.strict = keys.strict;
    this.keys = keys;
    this.#noncePrefix = noncePrefixOf(keys.sessionId);
    this.#idLow = Number(keys.sessionId & 0xffff_ffffn);
    this.#idHigh = Number(keys.sessionId >> 32n);
    this.#send = new SendKeys(keys.sendKey, keys.strict, now);
    this.#receive = new ReceiveKeys(keys.receiveKey, keys.strict);
    this.#lastActivity = now;
  }

  /** When a packet was last sealed or accepted. */
  get lastActivity(): number {
    return this.#lastActivity;
  }

  /** The AEAD counter of the packet sealed last. */
  get lastCounter(): number {
    return this.#lastCounter;
  }

  /** Why `open` gave nothing the last time it did. */
  get lastRejection(): PacketRejection {
    return this.#lastRejection;
  }

  get stats(): SessionStats {
    return {
      packetsSealed: this.#sealed,
      packetsOpened: this.#opened,
      rejected: { ...this.#rejected },
    };
  }

  /**
   * The datagram that carries `payload`.
   *
   * @param prefix room to leave free in front, for a routing header
   * @throws NetWireError `FIELD_RANGE` for a payload above 8112 bytes or more than 2028 events; `EXHAUSTED` after 2^48 packets
   */
  seal(fields: SealFields, payload: Uint8Array, now: number, prefix = 0): Uint8Array {
    if (payload.length > MAX_PAYLOAD_BYTES) {
      throw new NetWireError(
        "FIELD_RANGE",
        `a packet carries at most ${MAX_PAYLOAD_BYTES} bytes, got ${payload.length}`,
      );
    }
    if (fields.eventCount > MAX_EVENTS) {
      throw new NetWireError(
        "FIELD_RANGE",
        `a packet carries at most ${MAX_EVENTS} events, got ${fields.eventCount}`,
      );
    }
    const counter = this.#send.takeCounter(now);
    if (counter > LAST_COUNTER) {
      throw new NetWireError("EXHAUSTED", "the session has sent 2^48 packets; connect again");
    }
    const datagram = slab.take(prefix + HEADER_BYTES + payload.length + TAG_BYTES);
    const packet = prefix === 0 ? datagram : datagram.subarray(prefix);
    this.#writeHeader(packet, fields, counter, payload.length);
    sealPacket(this.#send.key, this.#noncePrefix, counter, packet, payload);
    this.#sealed += 1;
    this.#lastCounter = counter;
    this.#lastActivity = now;
    return datagram;
  }

  /**
   * Says that nobody looks at `datagram` again, which `seal` gave. If it was sealed last, the next one
   * takes its memory: in the processor's cache already, and nothing to collect.
   */
  release(datagram: Uint8Array): void {
    slab.giveBack(datagram);
  }

  /** The 80 bytes of a heartbeat (Net transport format, section 7). */
  heartbeat(now: number, prefix = 0): Uint8Array {
    return this.seal(HEARTBEAT, EMPTY, now, prefix);
  }

  /**
   * Opens a packet, heartbeats included; undefined when it is to be dropped, and `lastRejection`
   * says why. Nothing of the session changes then.
   */
  open(packet: Uint8Array, now: number): OpenedPacket | undefined {
    const payload = this.#verified(packet, now);
    return payload && { ...readHeader(packet), payload: slab.copy(payload) };
  }

  /**
   * As `open`, for a packet that nobody else looks at again: its payload is put in the place of the
   * ciphertext, which saves memory for a copy. A packet that is dropped stays as it was.
   */
  openInPlace(packet: Uint8Array, now: number): OpenedPacket | undefined {
    const plaintext = this.#verified(packet, now);
    if (plaintext === undefined) {
      return undefined;
    }
    const { buffer, byteOffset } = packet;
    const payload = new Uint8Array(buffer, byteOffset + HEADER_BYTES, plaintext.length);
    payload.set(plaintext);
    return { ...readHeader(packet), payload };
  }

  /** The plaintext, in memory of the cipher's; undefined when the packet is to be dropped. */
  #verified(packet: Uint8Array, now: number): Uint8Array | undefined {
    // What costs least comes first, and nothing is allocated before the tag has verified.
    if (!isPlausible(packet) || !hasBody(packet)) {
      return this.#reject("malformed");
    }
    if (readU32(packet, 24) !== this.#idLow || readU32(packet, 28) !== this.#idHigh) {
      return this.#reject("session");
    }
    const counter = readU64Number(packet, 16);
    const key = counter > LAST_COUNTER ? undefined : this.#receive.keyFor(counter);
    if (key === undefined) {
      return this.#reject("replay");
    }
    // A strict session leaves no bit of a packet to whoever carries it, the hop count excepted.
    const payload =
      this.strict && readU32(packet, 12) !== this.#noncePrefix
        ? undefined
        : openPacket(key, this.#noncePrefix, counter, packet);
    if (payload === undefined) {
      return this.#reject("forged");
    }
    this.#receive.accept(counter);
    this.#opened += 1;
    this.#lastActivity = now;
    return payload;
  }

  #reject(reason: PacketRejection): undefined {
    this.#rejected[reason] += 1;
    this.#lastRejection = reason;
    return undefined;
  }

  #writeHeader(
    packet: Uint8Array,
    fields: SealFields,
    counter: number,
    payloadLength: number,
  ): void {
    packet[0] = 0x45;
    packet[1] = 0x4e;
    packet[2] = 1;
    packet[3] = fields.flags ?? 0;
    packet[4] = 0;
    packet[5] = 0;
    packet[6] = 0;
    packet[7] = fields.fragFlags ?? 0;
    writeU16(packet, 8, fields.subprotocolId ?? 0);
    writeU16(packet, 10, fields.channelHint ?? 0);
    writeU32(packet, 12, this.#noncePrefix);
    writeU64Number(packet, 16, counter);
    writeU64(packet, 24, this.id);
    writeU64(packet, 32, fields.streamId);
    writeU64(packet, 40, fields.sequence ?? 0n);
    writeU32(packet, 48, fields.subnetId ?? 0);
    writeU32(packet, 52, fields.originHash ?? 0);
    writeU16(packet, 56, fields.fragmentId ?? 0);
    writeU16(packet, 58, fields.fragmentOffset ?? 0);
    writeU16(packet, 60, payloadLength);
    writeU16(packet, 62, fields.eventCount);
  }
}

/** Handshakes are none of a session's packets, and a heartbeat is header and tag only. */
function hasBody(packet: Uint8Array): boolean {
  const flags = packet[3] as number;
  return (
    (flags & packetFlags.handshake) === 0 &&
    ((flags & packetFlags.heartbeat) === 0 || packet.length === HEADER_BYTES + TAG_BYTES)
  );
}

const EMPTY = new Uint8Array(0);
const HEARTBEAT: SealFields = {
  flags: packetFlags.heartbeat,
  subprotocolId: 0,
  streamId: 0n,
  sequence: 0n,
  eventCount: 0,
};
