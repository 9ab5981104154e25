import type { RowRecord, RowReport } from "@gaiaftcl/sealed-row";
import type { VerificationReport } from "@gaiaftcl/witness";

/**
 * Where a message came from, and what that is worth:
 *
 * - `bus-unverified`: from the broker, which anybody on the host may publish to. A row may be
 *   consistent all the same (`report.ok`), but without signatures nothing says who made it.
 * - `bus-verified`: from the broker, and signed by all five contexts of the keys given.
 * - `database-confirmed`: from the broker, and the local database has this very row.
 * - `database`: read from the local database, while the broker could not be reached or to make up
 *   for what it did not deliver.
 */
export type Origin = "bus-unverified" | "bus-verified" | "database-confirmed" | "database";

/** A row of a sealed table. */
export interface RowMessage {
  readonly kind: "row";
  readonly subject: string;
  /** The table that the event names. */
  readonly table: string;
  /** Every column; integers are `bigint`, as when read from the database. */
  readonly row: RowRecord;
  readonly report: RowReport;
  readonly origin: Origin;
}

/** A message of any other subject, or one of a sealed subject that is no event of a row. */
export interface RawMessage {
  readonly kind: "raw";
  readonly subject: string;
  readonly row: undefined;
  readonly payload: Uint8Array;
  /** Where the sender wants an answer. */
  readonly reply: string | undefined;
  /** Never ok: nothing was verified, or the event could not be read. */
  readonly report: VerificationReport;
  readonly origin: "bus-unverified";
}

export type SubscribedMessage = RowMessage | RawMessage;
