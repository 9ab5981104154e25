import { type Comparison, SortedList } from "./sorted-list.js";

/** A record's place in the indexes: it stays when the record is replaced. */
export interface Row<Id, R> {
  readonly id: Id;
  record: R;
}

/** Where a bucket's rows are. */
export interface RowSet<T> extends Iterable<T> {
  readonly size: number;
  add(row: T): unknown;
  delete(row: T): unknown;
}

/** Rows that have something in common, and the orders in which they have been asked for. */
export class Bucket<T> {
  readonly rows: RowSet<T>;
  readonly #lists = new Map<string, SortedList<T>>();

  /** @param rows a set of the bucket's own, unless they are kept elsewhere anyway */
  constructor(rows: RowSet<T> = new Set()) {
    this.rows = rows;
  }

  get size(): number {
    return this.rows.size;
  }

  /** The rows in an order: sorted when first asked for, kept sorted from then on. */
  list(order: string, compare: Comparison<T>): SortedList<T> {
    const existing = this.#lists.get(order);
    if (existing !== undefined) return existing;
    const list = new SortedList(compare, this.rows);
    this.#lists.set(order, list);
    return list;
  }

  add(row: T): void {
    this.rows.add(row);
    for (const list of this.#lists.values()) list.add(row);
  }

  /** To be called before what the row is sorted by changes. */
  delete(row: T): void {
    this.rows.delete(row);
    for (const list of this.#lists.values()) list.delete(row);
  }

  /** Takes the row out of those orders in which it is about to move. */
  lift(row: T, orders: readonly string[]): void {
    for (const order of orders) this.#lists.get(order)?.delete(row);
  }

  /** Puts back what `lift` took out. */
  drop(row: T, orders: readonly string[]): void {
    for (const order of orders) this.#lists.get(order)?.add(row);
  }
}
