import { Bucket, type Row, type RowSet } from "./bucket.js";
import type { Comparison } from "./sorted-list.js";
import type { TableIndexes } from "./table-indexes.js";
import type { GroupKey, OrderKey, Selection, TableLayout } from "./table-layout.js";
import { selectRows } from "./table-query.js";
import { TextIndex } from "./text-index.js";

const nothing = {};

/**
 * Records by id, with secondary indexes. An index is built by the first query that can use it and
 * kept up to date from then on, so that a fold that nobody queries pays for none.
 *
 * A record is replaced by `put`, never changed: what a query has returned stays as it was.
 */
export class Table<
  Id extends OrderKey,
  R,
  Group extends string = never,
  Order extends string = never,
  Text extends string = never,
> implements TableIndexes<Id, R, Group, Order, Text>
{
  readonly #layout: TableLayout<Id, R, Group, Order, Text>;
  readonly #rows = new Map<Id, Row<Id, R>>();
  readonly #all: Bucket<Row<Id, R>> = new Bucket(rowsById(this.#rows));
  readonly #groups = new Map<Group, Map<GroupKey, Bucket<Row<Id, R>>>>();
  readonly #texts = new Map<Text, TextIndex<Row<Id, R>>>();
  readonly #comparisons = new Map<Order | "id", Comparison<Row<Id, R>>>();

  constructor(layout: TableLayout<Id, R, Group, Order, Text>) {
    this.#layout = layout;
  }

  get size(): number {
    return this.#rows.size;
  }

  get(id: Id): R | undefined {
    return this.#rows.get(id)?.record;
  }

  /** The records in no particular order. */
  *values(): Generator<R> {
    for (const row of this.#rows.values()) yield row.record;
  }

  /** Adds a record, or replaces the one of the same id. */
  put(record: R): this {
    const id = this.#layout.id(record);
    const row = this.#rows.get(id);
    if (row === undefined) this.#enter({ id, record });
    else this.#replace(row, record);
    return this;
  }

  delete(id: Id): this {
    const row = this.#rows.get(id);
    if (row === undefined) return this;
    this.#all.delete(row);
    for (const [group, buckets] of this.#groups) {
      for (const key of this.#keys(group, row.record)) removeFrom(buckets, key, row);
    }
    for (const [text, index] of this.#texts) index.delete(row, this.text(text, row.record));
    return this;
  }

  /** The records for which every condition holds, in the order asked for; a new array each time. */
  select(selection: Selection<R, Group, Order, Text> = nothing): R[] {
    return selectRows(this, selection);
  }

  all(): Bucket<Row<Id, R>> {
    return this.#all;
  }

  bucket(group: Group, key: GroupKey): Bucket<Row<Id, R>> | undefined {
    const existing = this.#groups.get(group);
    if (existing !== undefined) return existing.get(key);
    const buckets = new Map<GroupKey, Bucket<Row<Id, R>>>();
    for (const row of this.#all.rows) {
      for (const own of this.#keys(group, row.record)) addTo(buckets, own, row);
    }
    this.#groups.set(group, buckets);
    return buckets.get(key);
  }

  textCandidates(text: Text, part: string): ReadonlySet<Row<Id, R>> | undefined {
    if (part.length < 3) return undefined;
    let index = this.#texts.get(text);
    if (index === undefined) {
      index = new TextIndex();
      for (const row of this.#all.rows) index.add(row, this.text(text, row.record));
      this.#texts.set(text, index);
    }
    return index.candidates(part);
  }

  text(text: Text, record: R): string {
    return (this.#layout.texts?.[text](record) ?? "").toLowerCase();
  }

  belongs(group: Group, record: R, anyOf: readonly GroupKey[]): boolean {
    const keys = this.#layout.groups?.[group](record);
    if (keys === undefined) return false;
    return typeof keys === "object"
      ? keys.some((key) => anyOf.includes(key))
      : anyOf.includes(keys);
  }

  orderKey(order: Order | "id", record: R): OrderKey {
    return order === "id"
      ? this.#layout.id(record)
      : (this.#layout.orders?.[order](record) ?? this.#layout.id(record));
  }

  comparison(order: Order | "id"): Comparison<Row<Id, R>> {
    const existing = this.#comparisons.get(order);
    if (existing !== undefined) return existing;
    const key = order === "id" ? undefined : this.#layout.orders?.[order];
    const byId: Comparison<Row<Id, R>> = (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
    const compare: Comparison<Row<Id, R>> =
      key === undefined
        ? byId
        : (a, b) => {
            const left = key(a.record);
            const right = key(b.record);
            return left < right ? -1 : left > right ? 1 : byId(a, b);
          };
    this.#comparisons.set(order, compare);
    return compare;
  }

  #enter(row: Row<Id, R>): void {
    this.#all.add(row);
    for (const [group, buckets] of this.#groups) {
      for (const key of this.#keys(group, row.record)) addTo(buckets, key, row);
    }
    for (const [text, index] of this.#texts) index.add(row, this.text(text, row.record));
  }

  #replace(row: Row<Id, R>, record: R): void {
    const before = row.record;
    const moved = this.#moved(before, record);
    this.#all.lift(row, moved);
    const staying: Bucket<Row<Id, R>>[] = [this.#all];
    const entering: (readonly [Map<GroupKey, Bucket<Row<Id, R>>>, GroupKey])[] = [];
    for (const [group, buckets] of this.#groups) {
      const after = this.#keys(group, record);
      for (const key of this.#keys(group, before)) {
        const bucket = buckets.get(key);
        if (bucket === undefined) continue;
        if (after.has(key)) {
          bucket.lift(row, moved);
          staying.push(bucket);
          after.delete(key);
        } else removeFrom(buckets, key, row);
      }
      for (const key of after) entering.push([buckets, key]);
    }
    row.record = record;
    for (const bucket of staying) bucket.drop(row, moved);
    for (const [buckets, key] of entering) addTo(buckets, key, row);
    for (const [text, index] of this.#texts) {
      const old = this.text(text, before);
      const now = this.text(text, record);
      if (old === now) continue;
      index.delete(row, old);
      index.add(row, now);
    }
  }

  #moved(before: R, after: R): Order[] {
    const { orders } = this.#layout;
    if (orders === undefined) return [];
    const names = Object.keys(orders) as Order[];
    return names.filter((name) => orders[name](before) !== orders[name](after));
  }

  #keys(group: Group, record: R): Set<GroupKey> {
    const keys = this.#layout.groups?.[group](record);
    if (keys === undefined) return new Set();
    return new Set(typeof keys === "object" ? keys : [keys]);
  }
}

/** All rows are a bucket too; the map of them is the set. */
function rowsById<Id, R>(rows: Map<Id, Row<Id, R>>): RowSet<Row<Id, R>> {
  return {
    get size() {
      return rows.size;
    },
    [Symbol.iterator]: () => rows.values(),
    add: (row) => rows.set(row.id, row),
    delete: (row) => rows.delete(row.id),
  };
}

function addTo<T>(buckets: Map<GroupKey, Bucket<T>>, key: GroupKey, row: T): void {
  let bucket = buckets.get(key);
  if (bucket === undefined) {
    bucket = new Bucket();
    buckets.set(key, bucket);
  }
  bucket.add(row);
}

function removeFrom<T>(buckets: Map<GroupKey, Bucket<T>>, key: GroupKey, row: T): void {
  const bucket = buckets.get(key);
  bucket?.delete(row);
  if (bucket?.size === 0) buckets.delete(key);
}
