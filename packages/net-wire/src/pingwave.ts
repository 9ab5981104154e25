import { readU32, readU64, writeU32, writeU64 } from "./little-endian.js";
import { ensureLength } from "./net-wire-error.js";

/** Size of a pingwave in bytes (Net transport format, section 11). */
export const PINGWAVE_BYTES = 72;
const TAIL_AT = 8;
const TAIL_BYTES = 24;

export const pingwaveHealth = ["healthy", "degraded", "unhealthy", "unknown"] as const;
export type PingwaveHealth = (typeof pingwaveHealth)[number];

/** What a node says of itself for route discovery, in the clear and unauthenticated. */
export interface Pingwave {
  readonly origin: bigint;
  /** The 24 bytes behind the origin when they are not all 0. They mean nothing, and are passed on as they came. */
  readonly originTail?: Uint8Array;
  readonly sequence: bigint;
  readonly ttl: number;
  readonly hopCount: number;
  /** Microseconds since the Unix epoch, by the origin's clock. */
  readonly sentAtUs: bigint;
  readonly capabilityHash: bigint;
  readonly capabilityVersion: number;
  /** 0..255 */
  readonly load: number;
  readonly health: PingwaveHealth;
  readonly gpu: boolean;
  readonly modelSlots: number;
  readonly memoryTier: number;
  readonly tools: number;
  readonly flags: number;
}

/** The 72 bytes of a pingwave. @throws NetWireError `LENGTH` for an origin's tail that is not 24 bytes */
export function encodePingwave(wave: Pingwave): Uint8Array {
  const bytes = new Uint8Array(PINGWAVE_BYTES);
  writeU64(bytes, 0, wave.origin);
  if (wave.originTail !== undefined) {
    bytes.set(ensureLength("originTail", wave.originTail, TAIL_BYTES), TAIL_AT);
  }
  writeU64(bytes, 32, wave.sequence);
  bytes[40] = wave.ttl;
  bytes[41] = wave.hopCount;
  writeU64(bytes, 42, wave.sentAtUs);
  writeU64(bytes, 50, wave.capabilityHash);
  writeU32(bytes, 58, wave.capabilityVersion);
  bytes[62] = wave.load;
  bytes[63] = pingwaveHealth.indexOf(wave.health);
  bytes[64] = wave.gpu ? 1 : 0;
  bytes[65] = wave.modelSlots;
  bytes[66] = wave.memoryTier;
  bytes[67] = wave.tools;
  writeU32(bytes, 68, wave.flags);
  return bytes;
}

/** Reads a pingwave; undefined for another length, a packet's magic, or an unknown health. */
export function decodePingwave(datagram: Uint8Array): Pingwave | undefined {
  const health = pingwaveHealth[datagram[63] ?? -1];
  const isPacket = datagram[0] === 0x45 && datagram[1] === 0x4e;
  if (datagram.length !== PINGWAVE_BYTES || isPacket || health === undefined) {
    return undefined;
  }
  const tail = datagram.subarray(TAIL_AT, TAIL_AT + TAIL_BYTES);
  return {
    origin: readU64(datagram, 0),
    ...(tail.every((byte) => byte === 0) ? {} : { originTail: new Uint8Array(tail) }),
    sequence: readU64(datagram, 32),
    ttl: datagram[40] as number,
    hopCount: datagram[41] as number,
    sentAtUs: readU64(datagram, 42),
    capabilityHash: readU64(datagram, 50),
    capabilityVersion: readU32(datagram, 58),
    load: datagram[62] as number,
    health,
    gpu: datagram[64] !== 0,
    modelSlots: datagram[65] as number,
    memoryTier: datagram[66] as number,
    tools: datagram[67] as number,
    flags: readU32(datagram, 68),
  };
}
