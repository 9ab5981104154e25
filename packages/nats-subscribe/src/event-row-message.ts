import {
  EVENT_MARK_START,
  type EventVerifier,
  type RowRecord,
  type RowReport,
  verifiedEvent,
} from "@gaiaftcl/sealed-row";
import type { RowMessage } from "./message.js";
import type { RowMark } from "./row-mark.js";

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
  readonly #mark: RowMark;
  readonly #seq: number;
  readonly #verifier: EventVerifier;
  #bytes: Uint8Array | undefined;
  #row: RowRecord | undefined;

  constructor(
    verifier: EventVerifier,
    bytes: Uint8Array,
    records: Int32Array,
    at: number,
    accepted: Omit<RowReport, "id" | "witnessHash">,
  ) {
    const { idStart, idEnd, witnessHashStart, seq } = verifiedEvent(records, at);
    const { table, ok, level, checks, summary } = accepted;
    const id = asciiOf(bytes, idStart, idEnd);
    const witnessHash = asciiOf(bytes, witnessHashStart, witnessHashStart + HASH_LENGTH);
    this.subject = verifier.table.subject;
    this.table = table;
    this.report = { table, id, witnessHash, ok, level, checks, summary };
    this.#mark = { words: records, at: at + EVENT_MARK_START };
    this.#seq = seq;
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

  /** What tells the row from others. Good until the next one is read. */
  get mark(): RowMark {
    return this.#mark;
  }

  /** `seq`, without reading the row. */
  get seq(): bigint {
    return BigInt(this.#seq);
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
