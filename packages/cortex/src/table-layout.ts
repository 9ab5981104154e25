/** What a group is asked for by. */
export type GroupKey = string | number | bigint | boolean;
/** What an order sorts by; strings by UTF-16 code units. */
export type OrderKey = string | number | bigint;

/** How records are found: by id, by group, in an order, by a part of their text. */
export interface TableLayout<
  Id extends OrderKey,
  R,
  Group extends string,
  Order extends string,
  Text extends string,
> {
  readonly id: (record: R) => Id;
  /** A record belongs to the group of the key, or to the groups of all keys, returned. */
  readonly groups?: Readonly<Record<Group, (record: R) => GroupKey | readonly GroupKey[]>>;
  readonly orders?: Readonly<Record<Order, (record: R) => OrderKey>>;
  readonly texts?: Readonly<Record<Text, (record: R) => string>>;
}

/** A question to a table: every condition must hold. */
export interface Selection<
  R,
  Group extends string = string,
  Order extends string = string,
  Text extends string = string,
> {
  /** Each entry: the record belongs to at least one of the group's keys. */
  readonly groups?: readonly { readonly group: Group; readonly anyOf: readonly GroupKey[] }[];
  /** Bounds are inclusive. */
  readonly ranges?: readonly {
    readonly order: Order;
    readonly min?: OrderKey | undefined;
    readonly max?: OrderKey | undefined;
  }[];
  /** The lower-cased text contains the lower-cased `part`. */
  readonly texts?: readonly { readonly text: Text; readonly part: string }[];
  readonly where?: (record: R) => boolean;
  /** By id, ascending, unless said otherwise; equal keys come in the order of their ids. */
  readonly orderBy?: Order | "id";
  readonly descending?: boolean;
  readonly limit?: number;
}
