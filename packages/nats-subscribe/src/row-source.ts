import type { RowRecord, RowReport } from "@gaiaftcl/sealed-row";
import type { Cosignature } from "@gaiaftcl/witness";

export interface RowSourceOptions {
  /** Where the row is expected, to look there only. */
  readonly seq?: bigint | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A row as a source yields it. */
export interface SourcedRow {
  readonly row: RowRecord;
  /** What the source found out about it, its link to the row before included. */
  readonly report?: RowReport | undefined;
}

/**
 * The local database, as far as a subscription needs it. The `SealedReader` of
 * `@gaiaftcl/sealed-reader` is one.
 */
export interface RowSource {
  /** The row with that witness hash, if the database has it. */
  find(
    table: string,
    witnessHash: string,
    options?: RowSourceOptions,
  ): Promise<SourcedRow | undefined>;
  /** The rows after `afterSeq`, and then new ones as they are sealed, in order. */
  follow(
    table: string,
    options: { readonly afterSeq?: bigint | undefined; readonly signal?: AbortSignal | undefined },
  ): AsyncIterable<SourcedRow>;
  /** The largest `seq`, `undefined` for an empty table. */
  lastSeq(
    table: string,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<bigint | undefined>;
  /** The signatures kept for a witness hash. */
  cosignatures?(
    witnessHash: string,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<readonly Cosignature[]>;
}
