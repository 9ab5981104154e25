import type { EventVerifier, RowRecord, RowReport, VerifiedEvent } from "@gaiaftcl/sealed-row";
import type { RowMessage } from "./message.js";

/**
 * A row that was verified on the text of its event. Its columns are read from that text when they
 * are first asked for, since many consumers want the verdict, the id and the hash alone.
 */
export class TextRowMessage implements RowMessage {
  readonly kind = "row";
  readonly subject: string;
  readonly table: string;
  readonly report: RowReport;
  readonly origin = "bus-unverified";
  readonly #event: VerifiedEvent;
  readonly #verifier: EventVerifier;
  #text: string;
  #row: RowRecord | undefined;

  constructor(
    verifier: EventVerifier,
    event: VerifiedEvent,
    text: string,
    accepted: Omit<RowReport, "id" | "witnessHash">,
  ) {
    const { id, witnessHash } = event;
    const { table, ok, level, checks, summary } = accepted;
    this.subject = verifier.table.subject;
    this.table = table;
    this.report = { table, id, witnessHash, ok, level, checks, summary };
    this.#event = event;
    this.#verifier = verifier;
    this.#text = text;
  }

  get row(): RowRecord {
    if (this.#row === undefined) {
      this.#row = this.#verifier.rowOf(this.#text);
      this.#text = "";
    }
    return this.#row;
  }

  /** What the row is known by, without reading it. */
  get event(): VerifiedEvent {
    return this.#event;
  }

  static {
    // So that `console.log` shows the row as well.
    Object.defineProperty(TextRowMessage.prototype, Symbol.for("nodejs.util.inspect.custom"), {
      value(this: TextRowMessage): RowMessage {
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
