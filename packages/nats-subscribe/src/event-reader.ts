import {
  decodeEvent,
  EVENT_RECORD_WORDS,
  type EventVerifier,
  eventVerifier,
  type RowEvent,
  type RowRecord,
  type RowReport,
  type RowValue,
  SEAL_COLUMNS,
  SEALED_TABLES,
  SealedRowError,
  type SealedTable,
  sealedTable,
  tableForSubject,
  verifyRow,
} from "@gaiaftcl/sealed-row";
import {
  type Check,
  type Cosignature,
  type FederationKeys,
  type Level,
  type VerificationReport,
  verificationReport,
} from "@gaiaftcl/witness";
import { EventRowMessage } from "./event-row-message.js";

export interface EventReaderOptions {
  readonly keys: FederationKeys | undefined;
  readonly require: Level | undefined;
  readonly maxEventBytes: number;
}

export type EventReading =
  | EventRowMessage
  | {
      readonly kind: "decoded";
      readonly table: string;
      readonly row: RowRecord;
      readonly report: RowReport;
    }
  | { readonly kind: "raw"; readonly report: VerificationReport };

const NOT_SEALED: VerificationReport = Object.freeze({
  ok: false,
  level: "none",
  checks: Object.freeze([
    Object.freeze({ name: "event", status: "skipped", detail: "not a sealed subject" } as const),
  ]),
  summary: "not the event of a row: nothing was verified",
});

const MATCHED: Check = Object.freeze({ name: "event.subject", status: "passed" });

/**
 * Reads and verifies what arrives on a subject (cell format, section 7): the event, its row, and
 * that table, subject and row agree with one another. Nothing it is given makes it throw.
 */
export class EventReader {
  readonly #options: EventReaderOptions;
  readonly #fast: ReadonlyMap<string, FastReader>;

  constructor(options: EventReaderOptions) {
    this.#options = options;
    this.#fast =
      options.keys === undefined && options.require !== "signed"
        ? new Map(SEALED_TABLES.map((table) => [table.subject, new FastReader(table, options)]))
        : new Map();
  }

  /** Whether some events are read the short way. */
  get isFast(): boolean {
    return this.#fast.size > 0;
  }

  /** The row of an event that the short way was taken with elsewhere, by the record of it. */
  readFound(
    subject: string,
    payload: Uint8Array,
    records: Int32Array,
    at: number,
  ): EventReading | undefined {
    return this.#fast.get(subject)?.message(payload, records, at);
  }

  read(subject: string, payload: Uint8Array): EventReading {
    const fast = this.#fast.get(subject)?.read(payload);
    if (fast !== undefined) return fast;
    const expected = tableForSubject(subject);
    if (expected === undefined && !subject.endsWith(".sealed")) {
      return { kind: "raw", report: NOT_SEALED };
    }
    let event: RowEvent;
    try {
      event = decodeEvent(payload, { maxBytes: this.#options.maxEventBytes });
    } catch (cause) {
      if (!(cause instanceof SealedRowError)) throw cause;
      return { kind: "raw", report: unreadable(cause.message) };
    }
    const { table } = event;
    const row = withBigInts(table, event.row);
    return { kind: "decoded", table, row, report: this.verify(subject, table, row) };
  }

  /** Verifies the row of an event that came on `subject`, with signatures from elsewhere. */
  verify(
    subject: string,
    table: string,
    row: RowRecord,
    cosignatures?: readonly Cosignature[],
  ): RowReport {
    const { keys, require } = this.#options;
    const report = verifyRow(table, row, { keys, require, cosignatures });
    const problem = disagreement(subject, table, row);
    if (problem === undefined) return { ...report, checks: [MATCHED, ...report.checks] };
    const failed: Check = { name: MATCHED.name, status: "failed", detail: problem };
    const { id, witnessHash } = report;
    const checks = [failed, ...report.checks];
    return { table, id, witnessHash, ...verificationReport("none", checks, "witness") };
  }
}

/** The short way for the events that a cell writes, without keys. */
class FastReader {
  readonly #verifier: EventVerifier;
  readonly #options: EventReaderOptions;
  readonly #record = new Int32Array(EVENT_RECORD_WORDS);
  /** What the report of any accepted row says, apart from the row itself. */
  #accepted: Omit<RowReport, "id" | "witnessHash"> | undefined;

  constructor(table: SealedTable, options: EventReaderOptions) {
    this.#verifier = eventVerifier(table, { require: options.require });
    this.#options = options;
  }

  read(payload: Uint8Array): EventRowMessage | undefined {
    if (payload.byteLength > this.#options.maxEventBytes) return undefined;
    if (!this.#verifier.readInto(payload, this.#record, 0)) return undefined;
    return this.message(payload, this.#record, 0);
  }

  message(payload: Uint8Array, records: Int32Array, at: number): EventRowMessage {
    this.#accepted ??= this.#reportOf(this.#verifier.rowOf(payload));
    return new EventRowMessage(this.#verifier, payload, records, at, this.#accepted);
  }

  #reportOf(row: RowRecord): Omit<RowReport, "id" | "witnessHash"> {
    const { require } = this.#options;
    const { table, ok, level, checks, summary } = verifyRow(this.#verifier.table, row, { require });
    return { table, ok, level, checks: Object.freeze([MATCHED, ...checks]), summary };
  }
}

/** Why table, subject and row cannot belong together, or `undefined`. */
function disagreement(subject: string, table: string, row: RowRecord): string | undefined {
  const expected = tableForSubject(subject);
  if (expected !== undefined && expected.name !== table) {
    return `${subject} carries rows of ${expected.name}, and the event is of ${table}`;
  }
  const known = sealedTable(table);
  if (known !== undefined && known.subject !== subject) {
    return `rows of ${table} are published on ${known.subject}, and the event came on ${subject}`;
  }
  const named = row["nats_subject_sealed"];
  if (named === subject) return undefined;
  return `the row names ${JSON.stringify(String(named).slice(0, 256))}, and the event came on ${subject}`;
}

/** Integers as the database gives them, whatever size they have. */
function withBigInts(table: string, row: RowRecord): RowRecord {
  const known = sealedTable(table);
  const integers = known === undefined ? ["seq"] : integerColumns(known);
  const changed: Record<string, RowValue> = {};
  for (const name of integers) {
    const value = Object.hasOwn(row, name) ? row[name] : undefined;
    if (typeof value === "number" && Number.isSafeInteger(value)) changed[name] = BigInt(value);
  }
  return Object.assign(Object.create(null), row, changed);
}

function integerColumns(table: SealedTable): readonly string[] {
  const columns = [...table.columns, ...SEAL_COLUMNS].filter(({ type }) => type === "INTEGER");
  return ["seq", ...columns.map(({ name }) => name)];
}

function unreadable(detail: string): VerificationReport {
  return verificationReport("none", [{ name: "event", status: "failed", detail }], "witness");
}
