import type { EventVerifier, RowRecord, RowReport, VerifiedEvent } from "@gaiaftcl/sealed-row";
import type { RowMessage } from "./message.js";

const HASH_LENGTH = 64;

/**
 * A row that was verified on the bytes of its event. Its columns are read from them when they are
 * first asked for, since many consumers want the verdict, the id and the hash alone.
 */
export class EventRowMessage implements RowMessage {
  readonly kind = "row";
  readonly subject: string;
  readonly table: string;
  readonly report: RowReport;
  readonly origin = "bus-unverified";
  readonly #found: VerifiedEvent;
  readonly #verifier: EventVerifier;
  #bytes: Uint8Array | undefined;
  #row: RowRecord | undefined;

  constructor(
    verifier: EventVerifier,
    found: VerifiedEvent,
    bytes: Uint8Array,
    accepted: Omit<RowReport, "id" | "witnessHash">,
  ) {
    const { idStart, idEnd, witnessHashStart } = found;
    const { table, ok, level, checks, summary } = accepted;
    const id = asciiOf(bytes, idStart, idEnd);
    const witnessHash = asciiOf(bytes, witnessHashStart, witnessHashStart + HASH_LENGTH);
    this.subject = verifier.table.subject;
    this.table = table;
    this.report = { table, id, witnessHash, ok, level, checks, summary };
    this.#found = found;
    this.#verifier = verifier;
    this.#bytes = bytes;
  }

  get row(): RowRecord {
    if (this.#row === undefined) {
      this.#row = this.#verifier.rowOf(this.#bytes ?? new Uint8Array());
      this.#bytes = undefined;
    }
    return this.#row;
  }

  /** What was found in the event, without reading the row. */
  get found(): VerifiedEvent {
    return this.#found;
  }

  /** The event, until the row is read. */
  get bytes(): Uint8Array | undefined {
    return this.#bytes;
  }

  static {
    // So that `console.log` shows the row as well.
    Object.defineProperty(EventRowMessage.prototype, Symbol.for("nodejs.util.inspect.custom"), {
      value(this: EventRowMessage): RowMessage {
        return this.toJSON();
      },
    });
  }

  /** All of it at once, as any other message has it. */
  toJSON(): RowMessage {
    const { kind, subject, table, row, report, origin } = this;
    return { kind, subject, table, row, report, origin };
  }
}

function asciiOf(bytes: Uint8Array, start: number, end: number): string {
  // What most transports hand over; making one of anything else takes a little time.
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString("latin1", start, end);
}
