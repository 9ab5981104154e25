import { ControlLine } from "./control-line.js";
import {
  AUTHORIZATION_VIOLATION,
  CONTROL_LINE_EXCEEDED,
  ERROR_FROM_CLIENT,
  HEADERS_NOT_NEGOTIATED,
  INVALID_ARGUMENTS,
  MAXIMUM_PAYLOAD,
  type ProtocolFault,
  UNKNOWN_OPERATION,
} from "./protocol-fault.js";
import { type Publication, readPublication } from "./publication.js";
import { type Verb, verbAt } from "./verb.js";

/**
 * Receives the operations in the order of the bytes. Texts are latin1: one character for each byte
 * on the wire, so that what is not UTF-8 leaves the broker as it came.
 */
export interface ProtocolHandler {
  /** `json` is the UTF-8 text of the options. */
  connect(json: string): void;
  publish(publication: Publication): void;
  /** `queue` is empty for a subscription outside any group. */
  subscribe(subject: string, queue: string, sid: string): void;
  /** `max` is 0 when none was given, or one that is no number. */
  unsubscribe(sid: string, max: number): void;
  ping(): void;
  pong(): void;
}

export interface ParserLimits {
  /** Most bytes the arguments of one operation may have. */
  readonly maxControlLine: number;
  /** Most bytes of headers and payload together. */
  readonly maxPayload: number;
}

/** What a line may have besides its arguments: the verb, white space, the end of the line. */
const LINE_SLACK = 64;
/** First size of the buffer that keeps an unfinished operation; it doubles as bytes arrive. */
const INITIAL_CARRY = 1024;

const LF = 0x0a;
const CR = 0x0d;
const UPPER_C = 0x43;
const LOWER_C = 0x63;

/** Returned in place of an offset: the operation is not complete yet. */
const INCOMPLETE = -1;
/** Returned in place of an offset: no more operations follow. */
const STOPPED = -2;

/**
 * The client protocol of core NATS without I/O: bytes in, operations out.
 *
 * Complete operations are read where they lie in the chunk; only an unfinished one is copied, into
 * a buffer that grows with the bytes received and never with a size that a client announces.
 * After a fault, or `stop()`, all further bytes are ignored.
 */
export class ProtocolParser {
  /** Refuses any operation but CONNECT while true. */
  connectRequired = false;
  /** Refuses HPUB while false. */
  headersAllowed = false;
  readonly #handler: ProtocolHandler;
  readonly #limits: ParserLimits;
  readonly #line = new ControlLine();
  #carry: Buffer = Buffer.alloc(0);
  #carried = 0;
  /** Length of the unfinished operation once its control line is known; 0 before that. */
  #expected = 0;
  #fault: ProtocolFault | undefined;
  #stopped = false;
  #paused = false;

  constructor(handler: ProtocolHandler, limits: ParserLimits) {
    this.#handler = handler;
    this.#limits = limits;
  }

  /** The violation that ended the stream, if one did. */
  get fault(): ProtocolFault | undefined {
    return this.#fault;
  }

  /** Size of the buffer held for an operation that is not complete yet. */
  get heldBytes(): number {
    return this.#carry.length;
  }

  /** Ignores all further bytes, those of the chunk at hand included. */
  stop(): void {
    this.#stopped = true;
    this.#drop();
  }

  /** To be called by the handler: reads no further operation of the chunk at hand. */
  pause(): void {
    this.#paused = true;
  }

  /**
   * Reads one chunk of the stream and returns how many bytes of it are done with: all, unless the
   * handler paused; the rest is then to be pushed again. Publications may keep a view of the chunk,
   * so it must not be reused.
   */
  push(chunk: Buffer): number {
    this.#paused = false;
    let position = 0;
    while (this.#carried > 0 && position < chunk.length) position = this.#resume(chunk, position);
    while (position < chunk.length && !this.#paused) {
      if (this.#stopped) return chunk.length;
      const next = this.#operation(chunk, position, chunk.length);
      if (next === INCOMPLETE) {
        this.#keep(chunk, position, chunk.length);
        return chunk.length;
      }
      if (next === STOPPED) return chunk.length;
      position = next;
    }
    return position;
  }

  /** Adds to the unfinished operation what it lacks and no more; returns where the chunk goes on. */
  #resume(chunk: Buffer, position: number): number {
    const end = position + this.#missing(chunk, position);
    this.#keep(chunk, position, end);
    if (this.#carried < this.#expected) return end;
    if (this.#operation(this.#carry, 0, this.#carried) !== INCOMPLETE) this.#drop();
    return end;
  }

  #missing(chunk: Buffer, position: number): number {
    const available = chunk.length - position;
    if (this.#expected > 0) return Math.min(available, this.#expected - this.#carried);
    const newline = chunk.indexOf(LF, position);
    const line = newline === -1 ? available : newline + 1 - position;
    // Enough to find the line too long; the rest of an endless one is never stored.
    return Math.min(line, this.#longestLine + 1);
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    const length = this.#carried + end - start;
    if (this.#carry.length < length) {
      const doubled = Math.max(length, INITIAL_CARRY, this.#carry.length * 2);
      // An announced length shortens the buffer and never lengthens it.
      const bounded = this.#expected > 0 ? Math.min(doubled, this.#expected) : doubled;
      const grown = Buffer.allocUnsafeSlow(bounded);
      this.#carry.copy(grown, 0, 0, this.#carried);
      this.#carry = grown;
    }
    chunk.copy(this.#carry, this.#carried, start, end);
    this.#carried = length;
  }

  /** Forgets the carried operation; its buffer is not reused, since deliveries may refer to it. */
  #drop(): void {
    this.#carry = Buffer.alloc(0);
    this.#carried = 0;
    this.#expected = 0;
  }

  /** Reads the operation at `start`; returns the offset behind it, INCOMPLETE or STOPPED. */
  #operation(bytes: Buffer, start: number, end: number): number {
    if (this.connectRequired && bytes[start] !== UPPER_C && bytes[start] !== LOWER_C) {
      return this.#refuse(AUTHORIZATION_VIOLATION);
    }
    const verb = verbAt(bytes, start, end);
    if (verb === undefined) return this.#refuse(UNKNOWN_OPERATION);
    if (verb === "partial") return INCOMPLETE;
    const line = this.#line;
    line.read(bytes, start + verb.letters.length, end);
    if (line.length > this.#limits.maxControlLine) return this.#refuse(CONTROL_LINE_EXCEEDED);
    const { newline } = line;
    if ((newline === -1 ? end : newline) - start > this.#longestLine) {
      return this.#refuse(CONTROL_LINE_EXCEEDED);
    }
    if (newline === -1) return INCOMPLETE;
    if (verb.name === "PUB") return this.#publication(bytes, start, end, 2);
    if (verb.name === "HPUB") return this.#publication(bytes, start, end, 3);
    const fault = this.#lineOperation(verb, bytes);
    if (fault !== undefined) return this.#refuse(fault);
    return this.#stopped ? STOPPED : newline + 1;
  }

  /** `fields`: 2 for PUB (subject, size), 3 for HPUB (subject, header size, size); a reply is optional. */
  #publication(bytes: Buffer, start: number, end: number, fields: 2 | 3): number {
    const line = this.#line;
    const { count, newline } = line;
    if (fields === 3 && !this.headersAllowed) return this.#refuse(HEADERS_NOT_NEGOTIATED);
    if (count !== fields && count !== fields + 1) return this.#refuse(INVALID_ARGUMENTS);
    const size = line.size(count - 1);
    const headerSize = fields === 3 ? line.size(count - 2) : 0;
    if (size < 0 || headerSize < 0 || headerSize > size) return this.#refuse(INVALID_ARGUMENTS);
    if (size > this.#limits.maxPayload) return this.#refuse(MAXIMUM_PAYLOAD);
    const next = newline + 1 + size + 2;
    if (next > end) {
      this.#expected = next - start;
      return INCOMPLETE;
    }
    if (bytes[next - 2] !== CR || bytes[next - 1] !== LF) return this.#refuse(UNKNOWN_OPERATION);
    this.#handler.publish(readPublication(bytes, line, { headerSize, size, fields }));
    return this.#stopped ? STOPPED : next;
  }

  #lineOperation(verb: Verb, bytes: Buffer): ProtocolFault | undefined {
    const line = this.#line;
    const { count } = line;
    switch (verb.name) {
      case "PING":
        this.#handler.ping();
        return undefined;
      case "PONG":
        this.#handler.pong();
        return undefined;
      case "SUB":
        if (count !== 2 && count !== 3) return INVALID_ARGUMENTS;
        this.#handler.subscribe(
          line.text(0),
          count === 3 ? line.text(1) : "",
          line.text(count - 1),
        );
        return undefined;
      case "UNSUB":
        if (count !== 1 && count !== 2) return INVALID_ARGUMENTS;
        this.#handler.unsubscribe(line.text(0), count === 2 ? Math.max(0, line.size(1)) : 0);
        return undefined;
      case "CONNECT": {
        const start = line.startOf(0);
        this.#handler.connect(
          count === 0 ? "" : bytes.toString("utf8", start, start + line.length),
        );
        return undefined;
      }
      case "ERR":
        return ERROR_FROM_CLIENT;
      default:
        // +OK and INFO mean nothing from a client, and nats-server ignores them too.
        return undefined;
    }
  }

  get #longestLine(): number {
    return this.#limits.maxControlLine + LINE_SLACK;
  }

  #refuse(fault: ProtocolFault): number {
    this.#fault = fault;
    this.stop();
    return STOPPED;
  }
}
