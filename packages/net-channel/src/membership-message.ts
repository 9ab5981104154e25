import { isChannelName } from "@gaiaftcl/net-identity";
import { ensureName, queueGroupBytes } from "./channel-text.js";
import { NetChannelError } from "./net-channel-error.js";

/** The subprotocol, and the stream, of membership messages. */
export const MEMBERSHIP_SUBPROTOCOL = 0x0a00;

const SUBSCRIBE = 0;
const UNSUBSCRIBE = 1;
const ACK = 2;
const HEAD_BYTES = 9;
const ACK_BYTES = 11;
const U16_MAX = 0xffff;

const REASONS = [
  "ok",
  "unauthorized",
  "unknown_channel",
  "rate_limited",
  "too_many_channels",
] as const;

/** What an acknowledgement gives as its reason, in the order of the wire's numbers. */
export type MembershipReason = (typeof REASONS)[number];

/** A wish to receive what is published on a channel. */
export interface SubscribeMessage {
  readonly kind: "subscribe";
  /** u64, repeated in the answer. */
  readonly nonce: bigint;
  readonly channel: string;
  /**
   * What was presented as a token, of any length. Between our own nodes it may be several tokens of 169
   * bytes: the token, its parent, and so on.
   */
  readonly token?: Uint8Array;
  /** The group whose members share the events among them. */
  readonly queueGroup?: string;
}

/** The end of a subscription. */
export interface UnsubscribeMessage {
  readonly kind: "unsubscribe";
  readonly nonce: bigint;
  readonly channel: string;
}

/** The answer to either. */
export interface AckMessage {
  readonly kind: "ack";
  readonly nonce: bigint;
  readonly accepted: boolean;
  readonly reason: MembershipReason;
}

export type MembershipMessage = SubscribeMessage | UnsubscribeMessage | AckMessage;

/**
 * The bytes of a membership message (Net identity format, section 5.1).
 *
 * @throws NetChannelError `NAME`, `QUEUE_GROUP` or `RANGE`
 */
export function encodeMembership(message: MembershipMessage): Uint8Array {
  if (message.kind === "ack") {
    const bytes = new Uint8Array(ACK_BYTES);
    writeHead(bytes, ACK, message.nonce);
    bytes[HEAD_BYTES] = message.accepted ? 1 : 0;
    bytes[HEAD_BYTES + 1] = REASONS.indexOf(message.reason);
    return bytes;
  }
  const name = new TextEncoder().encode(ensureName(message.channel));
  const nameEnd = HEAD_BYTES + 1 + name.length;
  if (message.kind === "unsubscribe") {
    const bytes = new Uint8Array(nameEnd);
    writeHead(bytes, UNSUBSCRIBE, message.nonce);
    writeShort(bytes, HEAD_BYTES, name);
    return bytes;
  }
  const token = message.token ?? new Uint8Array(0);
  if (token.length > U16_MAX) {
    throw new NetChannelError(
      "RANGE",
      `expected a token of at most ${U16_MAX} bytes, found ${token.length}`,
    );
  }
  const group = message.queueGroup === undefined ? undefined : queueGroupBytes(message.queueGroup);
  const groupAt = nameEnd + 2 + token.length;
  const bytes = new Uint8Array(groupAt + (group === undefined ? 0 : 1 + group.length));
  writeHead(bytes, SUBSCRIBE, message.nonce);
  writeShort(bytes, HEAD_BYTES, name);
  bytes[nameEnd] = token.length & 0xff;
  bytes[nameEnd + 1] = token.length >> 8;
  bytes.set(token, nameEnd + 2);
  if (group !== undefined) writeShort(bytes, groupAt, group);
  return bytes;
}

/**
 * Reads a membership message, or returns undefined for one that a node drops without an answer (Net
 * identity format, section 5.1). A malformed token is not such a fault: it counts as none, later.
 */
export function decodeMembership(bytes: Uint8Array): MembershipMessage | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const nonce = view.getBigUint64(1, true);
  switch (bytes[0]) {
    case SUBSCRIBE:
      return readSubscribe(bytes, view, nonce);
    case UNSUBSCRIBE: {
      const channel = readName(bytes);
      if (channel === undefined || bytes.length !== nameEndOf(bytes)) return undefined;
      return { kind: "unsubscribe", nonce, channel };
    }
    case ACK: {
      const accepted = bytes[HEAD_BYTES];
      const reason = REASONS[bytes[HEAD_BYTES + 1] ?? REASONS.length];
      if (bytes.length !== ACK_BYTES || (accepted !== 0 && accepted !== 1)) return undefined;
      return reason && { kind: "ack", nonce, accepted: accepted === 1, reason };
    }
    default:
      return undefined;
  }
}

function readSubscribe(
  bytes: Uint8Array,
  view: DataView,
  nonce: bigint,
): SubscribeMessage | undefined {
  const channel = readName(bytes);
  if (channel === undefined) return undefined;
  const bare: SubscribeMessage = { kind: "subscribe", nonce, channel };
  const tokenAt = nameEndOf(bytes) + 2;
  if (bytes.length === tokenAt - 2) return bare;
  if (bytes.length < tokenAt) return undefined;
  const groupAt = tokenAt + view.getUint16(tokenAt - 2, true);
  if (bytes.length < groupAt) return undefined;
  // A copy: what is read here is kept longer than the datagram it stood in.
  const message =
    groupAt === tokenAt
      ? bare
      : { ...bare, token: Uint8Array.from(bytes.subarray(tokenAt, groupAt)) };
  if (bytes.length === groupAt) return message;
  const group = readShort(bytes, groupAt);
  if (group === undefined || bytes.length !== groupAt + 1 + (bytes[groupAt] ?? 0)) return undefined;
  return group === "" ? message : { ...message, queueGroup: group };
}

function readName(bytes: Uint8Array): string | undefined {
  const name = readShort(bytes, HEAD_BYTES);
  return name !== undefined && isChannelName(name) ? name : undefined;
}

function nameEndOf(bytes: Uint8Array): number {
  return HEAD_BYTES + 1 + (bytes[HEAD_BYTES] ?? 0);
}

/** The text behind a length of one byte; undefined when it runs past the end or is not UTF-8. */
function readShort(bytes: Uint8Array, at: number): string | undefined {
  const length = bytes[at];
  if (length === undefined || at + 1 + length > bytes.length) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      bytes.subarray(at + 1, at + 1 + length),
    );
  } catch {
    return undefined;
  }
}

function writeHead(bytes: Uint8Array, type: number, nonce: bigint): void {
  bytes[0] = type;
  new DataView(bytes.buffer).setBigUint64(1, nonce, true);
}

function writeShort(bytes: Uint8Array, at: number, text: Uint8Array): void {
  bytes[at] = text.length;
  bytes.set(text, at + 1);
}
