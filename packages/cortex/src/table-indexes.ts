import type { Bucket, Row } from "./bucket.js";
import type { Comparison } from "./sorted-list.js";
import type { GroupKey, OrderKey } from "./table-layout.js";

/** What a query sees of a table: its rows, and the indexes that it may start from. */
export interface TableIndexes<
  Id extends OrderKey,
  R,
  Group extends string,
  Order extends string,
  Text extends string,
> {
  /** Every row. */
  all(): Bucket<Row<Id, R>>;
  /** The rows of a group's key, if there are any. */
  bucket(group: Group, key: GroupKey): Bucket<Row<Id, R>> | undefined;
  /** The rows that may contain a lower-cased part; undefined when it is too short. */
  textCandidates(text: Text, part: string): ReadonlySet<Row<Id, R>> | undefined;
  /** The lower-cased text of a record. */
  text(text: Text, record: R): string;
  /** Whether a record belongs to one of the keys. */
  belongs(group: Group, record: R, anyOf: readonly GroupKey[]): boolean;
  /** What a record is sorted by. */
  orderKey(order: Order | "id", record: R): OrderKey;
  /** How rows compare in an order; equal keys by id. */
  comparison(order: Order | "id"): Comparison<Row<Id, R>>;
}
