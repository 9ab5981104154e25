import type { RowReport } from "@gaiaftcl/sealed-row";
import type { Cosignature } from "@gaiaftcl/witness";
import { DatabaseCheck } from "./database-check.js";
import type { LaneRow } from "./database-lane.js";
import { EventRowMessage } from "./event-row-message.js";
import type { RawMessage, RowMessage, SubscribedMessage } from "./message.js";
import { RecentRows } from "./recent-rows.js";
import { markOfColumns, type RowMark } from "./row-mark.js";
import type { RowSource } from "./row-source.js";
import type { Arrival, SharedReader } from "./shared-reader.js";
import type { ResolvedOptions } from "./subscribe-options.js";

/** What became of an arrival. */
export type Assayed = SubscribedMessage | "duplicate";

/** Makes messages of what arrives: reads, verifies, confirms, and tells duplicates. */
export class Assay {
  readonly #reader: SharedReader;
  readonly #recent: RecentRows;
  readonly #check: DatabaseCheck | undefined;
  readonly #signatures: RowSource["cosignatures"] | undefined;
  readonly #stop: AbortSignal;

  constructor(reader: SharedReader, options: ResolvedOptions, stop: AbortSignal) {
    const { database, keys } = options;
    this.#reader = reader;
    this.#recent = new RecentRows(options.dedupWindow);
    this.#check =
      options.confirm && database !== undefined ? new DatabaseCheck(database) : undefined;
    // A row cannot carry signatures; they stand beside it, in the database.
    this.#signatures = keys === undefined ? undefined : database?.cosignatures?.bind(database);
    this.#stop = stop;
  }

  /** True where a message may need the database before it can be handed out. */
  get looksUp(): boolean {
    return this.#signatures !== undefined || this.#check !== undefined;
  }

  /** The whole of it where nothing has to be looked up. */
  assay(arrival: Arrival): Assayed {
    const message = this.#read(arrival);
    return message.kind === "raw" ? message : this.#deliver(message);
  }

  async assayFully(arrival: Arrival): Promise<Assayed> {
    let message = this.#read(arrival);
    if (message.kind === "raw") return message;
    if (message instanceof EventRowMessage) message = message.toJSON();
    if (this.#signatures !== undefined) {
      const { subject, table, row } = message;
      const report = this.#reader.events.verify(subject, table, row, await this.#signaturesOf(row));
      message = { ...message, report, origin: originOf(report) };
    }
    if (message.report.ok && this.#check !== undefined) {
      if (this.#recent.has(markOf(message))) return "duplicate";
      message = await this.#check.confirm(message, this.#stop);
    }
    return this.#deliver(message);
  }

  /** A row that the database gave, which has been verified there. */
  async assayRow({ table, sourced }: LaneRow): Promise<Assayed> {
    const { row } = sourced;
    const { name, subject } = table;
    let report = sourced.report;
    if (report === undefined || this.#signatures !== undefined) {
      report = this.#reader.events.verify(subject, name, row, await this.#signaturesOf(row));
    }
    return this.#deliver({ kind: "row", subject, table: name, row, report, origin: "database" });
  }

  #read(arrival: Arrival): SubscribedMessage {
    const { subject } = arrival;
    const reading = this.#reader.read(arrival);
    if (reading.kind === "raw") return rawMessage(arrival, reading.report);
    if (reading.kind === "row") return reading;
    const { table, row, report } = reading;
    return { kind: "row", subject, table, row, report, origin: originOf(report) };
  }

  #deliver(message: RowMessage): Assayed {
    if (!message.report.ok) return message;
    return this.#recent.add(markOf(message)) ? message : "duplicate";
  }

  async #signaturesOf(row: RowMessage["row"]): Promise<readonly Cosignature[] | undefined> {
    const hash = row["witness_hash_sha256"];
    if (this.#signatures === undefined || typeof hash !== "string") return undefined;
    try {
      return await this.#signatures(hash, { signal: this.#stop });
    } catch {
      // Without its signatures the row is unsigned, and its report says so.
      this.#stop.throwIfAborted();
      return undefined;
    }
  }
}

function markOf(message: RowMessage): RowMark {
  return message instanceof EventRowMessage ? message.mark : markOfColumns(message);
}

function originOf(report: RowReport): RowMessage["origin"] {
  return report.ok && report.level === "signed" ? "bus-verified" : "bus-unverified";
}

function rawMessage(arrival: Arrival, report: RawMessage["report"]): RawMessage {
  const { subject, message } = arrival;
  const { data, reply } = message;
  return {
    kind: "raw",
    subject,
    row: undefined,
    // A copy: what the client hands over is a part of all that was read at once.
    payload: new Uint8Array(data),
    reply: reply === "" ? undefined : reply,
    report,
    origin: "bus-unverified",
  };
}
