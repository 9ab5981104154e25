import { writeU32 } from "../little-endian.js";
import type { RangeSet } from "./range-set.js";
import { VarintReader, varintSize, writeVarint } from "./varint.js";

/**
 * The messages strict peers send one another about their streams. They travel as one event of
 * subprotocol 0x4746: the byte 1, then frames, each a type byte and varints:
 *
 *     1 acknowledgement   highest counter, delay in microseconds, further ranges,
 *                         length - 1 of the highest range, then per range: gap - 2, length - 1
 *                         (RFC 9000, section 19.3.1)
 *     2 stream credit     number, then per stream: opening, bytes consumed since the opening
 *     3 session credit    bytes consumed since the session began, large events likewise
 *     4 ping              nothing; asks for an acknowledgement
 */
export const CONTROL_SUBPROTOCOL = 0x4746;
const STREAM_CONTROL_KIND = 1;

const ACK = 1;
const STREAM_CREDIT = 2;
const SESSION_CREDIT = 3;
const PING = 4;

/** Left free behind an acknowledgement: session credit, ping and two stream credits. */
const OTHER_FRAMES = 56;

/** More ranges are neither sent nor taken. */
export const MAX_ACK_RANGES = 64;

export interface Acknowledgement {
  /** Highest range first. */
  readonly ranges: readonly CounterRange[];
  /** Milliseconds between the receipt of the highest counter and this message. */
  readonly delay: number;
}

export interface CounterRange {
  readonly first: number;
  readonly last: number;
}

export interface StreamCredit {
  readonly opening: number;
  readonly consumed: number;
}

export interface SessionCredit {
  readonly consumed: number;
  readonly largeEvents: number;
}

export interface ControlMessage {
  acknowledgement: Acknowledgement | undefined;
  readonly credits: StreamCredit[];
  session: SessionCredit | undefined;
  /** Whether it has to be acknowledged itself: everything but a bare acknowledgement. */
  eliciting: boolean;
}

/** Builds one message of at most `bytes.length`. */
export class ControlWriter {
  readonly #bytes: Uint8Array;
  #at = 0;

  /** Room for the event's length is left at the front (Net transport format, section 3). */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    bytes[4] = STREAM_CONTROL_KIND;
    this.#at = 5;
  }

  /** Acknowledges what `received` holds, the highest ranges first as far as there is room. */
  acknowledge(received: RangeSet, delay: number): void {
    const highest = received.size - 1;
    const bytes = this.#bytes;
    const delayMicros = Math.min(Math.max(0, Math.round(delay * 1000)), 2 ** 30 - 1);
    // Type, highest counter, delay, number of ranges and first length at their largest.
    let room = bytes.length - this.#at - (1 + 8 + 4 + 2 + 8) - OTHER_FRAMES;
    if (highest < 0 || room < 0) return;
    let count = 0;
    while (count < highest && count < MAX_ACK_RANGES - 1) {
      const index = highest - count;
      const size =
        varintSize(received.first(index) - received.last(index - 1) - 2) +
        varintSize(received.last(index - 1) - received.first(index - 1));
      if (size > room) break;
      room -= size;
      count += 1;
    }
    let at = this.#at;
    bytes[at++] = ACK;
    at = writeVarint(bytes, at, received.last(highest));
    at = writeVarint(bytes, at, delayMicros);
    at = writeVarint(bytes, at, count);
    at = writeVarint(bytes, at, received.last(highest) - received.first(highest));
    for (let index = highest; index > highest - count; index--) {
      at = writeVarint(bytes, at, received.first(index) - received.last(index - 1) - 2);
      at = writeVarint(bytes, at, received.last(index - 1) - received.first(index - 1));
    }
    this.#at = at;
  }

  /** How many credits fit into what is left, once the session's credit has been written. */
  get creditRoom(): number {
    return Math.max(0, Math.floor((this.#bytes.length - this.#at - 4) / 16));
  }

  streamCredits(credits: readonly StreamCredit[]): void {
    const bytes = this.#bytes;
    bytes[this.#at] = STREAM_CREDIT;
    let at = writeVarint(bytes, this.#at + 1, credits.length);
    for (const { opening, consumed } of credits) {
      at = writeVarint(bytes, at, opening);
      at = writeVarint(bytes, at, consumed);
    }
    this.#at = at;
  }

  sessionCredit({ consumed, largeEvents }: SessionCredit): void {
    this.#bytes[this.#at] = SESSION_CREDIT;
    this.#at = writeVarint(this.#bytes, this.#at + 1, consumed);
    this.#at = writeVarint(this.#bytes, this.#at, largeEvents);
  }

  ping(): void {
    this.#bytes[this.#at++] = PING;
  }

  /** The bytes written, the event's length in front. */
  finish(): Uint8Array {
    const bytes = this.#bytes;
    const size = this.#at - 4;
    writeU32(bytes, 0, size);
    return bytes.subarray(0, this.#at);
  }
}

/** Reads the event of a control packet; undefined when any part of it does not parse. */
export function parseControl(event: Uint8Array): ControlMessage | undefined {
  if (event[0] !== STREAM_CONTROL_KIND) return undefined;
  const message: ControlMessage = {
    acknowledgement: undefined,
    credits: [],
    session: undefined,
    eliciting: false,
  };
  const reader = new VarintReader(event, 1);
  while (!reader.exhausted) {
    const type = reader.next();
    if (type === ACK) {
      if (message.acknowledgement !== undefined) return undefined;
      message.acknowledgement = parseAcknowledgement(reader);
      if (message.acknowledgement === undefined) return undefined;
      continue;
    }
    message.eliciting = true;
    if (type === STREAM_CREDIT) {
      const count = reader.next();
      // NaN fails the comparison too; two bytes are the least a credit takes.
      if (!(count <= event.length / 2)) return undefined;
      for (let index = 0; index < count; index++) {
        const opening = reader.next();
        const consumed = reader.next();
        if (Number.isNaN(opening) || Number.isNaN(consumed)) return undefined;
        message.credits.push({ opening, consumed });
      }
    } else if (type === SESSION_CREDIT) {
      const consumed = reader.next();
      const largeEvents = reader.next();
      if (Number.isNaN(consumed) || Number.isNaN(largeEvents)) return undefined;
      message.session = { consumed, largeEvents };
    } else if (type !== PING) {
      return undefined;
    }
  }
  return message;
}

function parseAcknowledgement(reader: VarintReader): Acknowledgement | undefined {
  let last = reader.next();
  const delay = reader.next();
  const further = reader.next();
  let length = reader.next();
  if (Number.isNaN(delay) || !(further < MAX_ACK_RANGES) || !(length <= last)) return undefined;
  const ranges: CounterRange[] = [{ first: last - length, last }];
  for (let index = 0; index < further; index++) {
    const gap = reader.next();
    last = last - length - gap - 2;
    length = reader.next();
    // Also false for NaN, and for a range that would reach below zero.
    if (!(last >= 0 && length <= last)) return undefined;
    ranges.push({ first: last - length, last });
  }
  return { ranges, delay: delay / 1000 };
}
