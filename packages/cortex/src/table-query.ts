import type { Bucket, Row } from "./bucket.js";
import type { Table } from "./table.js";
import type { GroupKey, OrderKey, Selection } from "./table-layout.js";

/** Up to this many rows are sorted for a query instead of being kept sorted. */
const fewRows = 32;

/** What a query starts from: a bucket, which has its rows in order, or some rows. */
type Source<T> =
  | { readonly size: number; readonly bucket: Bucket<T>; readonly rows: Iterable<T> }
  | { readonly size: number; readonly bucket?: undefined; readonly rows: Iterable<T> };

/**
 * Answers a selection from the smallest index that contains the answer, testing the remaining
 * conditions row by row; a limit ends the walk when it is reached.
 */
export function selectRows<
  Id extends OrderKey,
  R,
  Group extends string,
  Order extends string,
  Text extends string,
>(table: Table<Id, R, Group, Order, Text>, selection: Selection<R, Group, Order, Text>): R[] {
  const limit = selection.limit ?? Number.POSITIVE_INFINITY;
  if (limit <= 0) return [];
  const descending = selection.descending === true;
  const orderBy = selection.orderBy ?? "id";
  const compare = table.comparison(orderBy);
  const { source, tests } = plan(table, selection);
  const ranges = selection.ranges ?? [];
  const records: R[] = [];
  const matches = (row: Row<Id, R>): boolean => tests.every((test) => test(row.record));
  const place =
    (range: (typeof ranges)[number]) =>
    (row: Row<Id, R>): number =>
      placeOf(table.orderKey(range.order, row.record), range);

  if (source.bucket !== undefined && source.size > fewRows) {
    const { bucket } = source;
    let walked = ranges.find((range) => range.order === orderBy);
    for (const range of ranges) {
      if (walked !== undefined) break;
      const list = bucket.list(range.order, table.comparison(range.order));
      const inside = list.count(place(range));
      if (inside * 8 < source.size) walked = range;
    }
    const order = walked?.order ?? orderBy;
    const others = ranges.filter((range) => range !== walked).map(place);
    const unconditional = tests.length === 0 && others.length === 0;
    const sortAfter = order !== orderBy;
    const found: Row<Id, R>[] = [];
    bucket
      .list(order, table.comparison(order))
      .visit(descending, walked && place(walked), (chunk, from, to) => {
        for (let step = 0; step < to - from; step += 1) {
          const row = chunk[descending ? to - 1 - step : from + step] as Row<Id, R>;
          if (!unconditional && !(others.every((test) => test(row) === 0) && matches(row)))
            continue;
          if (sortAfter) found.push(row);
          else if (records.push(row.record) >= limit) return false;
        }
        return true;
      });
    if (!sortAfter) return records;
    return finish(found, compare, descending, limit);
  }

  const places = ranges.map(place);
  const found: Row<Id, R>[] = [];
  for (const row of source.rows) {
    if (places.every((test) => test(row) === 0) && matches(row)) found.push(row);
  }
  return finish(found, compare, descending, limit);
}

function finish<Id, R>(
  rows: Row<Id, R>[],
  compare: (a: Row<Id, R>, b: Row<Id, R>) => number,
  descending: boolean,
  limit: number,
): R[] {
  rows.sort(descending ? (a, b) => compare(b, a) : compare);
  return rows.slice(0, limit).map((row) => row.record);
}

/** The smallest source, and the conditions that it does not imply. */
function plan<
  Id extends OrderKey,
  R,
  Group extends string,
  Order extends string,
  Text extends string,
>(
  table: Table<Id, R, Group, Order, Text>,
  selection: Selection<R, Group, Order, Text>,
): { readonly source: Source<Row<Id, R>>; readonly tests: ((record: R) => boolean)[] } {
  const all = table.all();
  let source: Source<Row<Id, R>> = { size: all.size, bucket: all, rows: all.rows };
  let implied: object | undefined;
  const offer = (candidate: Source<Row<Id, R>>, condition: object | undefined): void => {
    if (candidate.size > source.size || (candidate.size === source.size && implied)) return;
    source = candidate;
    implied = condition;
  };
  const tests: { readonly of: object; readonly test: (record: R) => boolean }[] = [];
  for (const condition of selection.groups ?? []) {
    const { group, anyOf } = condition;
    offer(sourceOfGroup(table, group, anyOf), condition);
    tests.push({ of: condition, test: (record) => table.belongs(group, record, anyOf) });
  }
  for (const condition of selection.texts ?? []) {
    const part = condition.part.toLowerCase();
    if (part === "") continue;
    const rows = table.textCandidates(condition.text, part);
    // Whoever holds all three-unit runs need not hold the whole: the test stays.
    if (rows !== undefined && rows.size * 2 < all.size) offer({ size: rows.size, rows }, undefined);
    tests.push({
      of: condition,
      test: (record) => table.text(condition.text, record).includes(part),
    });
  }
  const { where } = selection;
  const remaining = tests.filter(({ of }) => of !== implied).map(({ test }) => test);
  return { source, tests: where === undefined ? remaining : [...remaining, where] };
}

function sourceOfGroup<Id extends OrderKey, R, Group extends string>(
  table: Pick<Table<Id, R, Group, string, string>, "bucket">,
  group: Group,
  anyOf: readonly GroupKey[],
): Source<Row<Id, R>> {
  const buckets = [...new Set(anyOf)].flatMap((key) => table.bucket(group, key) ?? []);
  const [only] = buckets;
  if (only === undefined) return { size: 0, rows: [] };
  if (buckets.length === 1) return { size: only.size, bucket: only, rows: only.rows };
  const rows = new Set(buckets.flatMap((bucket) => [...bucket.rows]));
  return { size: rows.size, rows };
}

function placeOf(
  key: OrderKey,
  range: { readonly min?: OrderKey | undefined; readonly max?: OrderKey | undefined },
): number {
  if (range.min !== undefined && key < range.min) return -1;
  return range.max !== undefined && key > range.max ? 1 : 0;
}
