import type { Bucket, Row } from "./bucket.js";
import { planQuery } from "./query-plan.js";
import type { Comparison } from "./sorted-list.js";
import type { TableIndexes } from "./table-indexes.js";
import type { OrderKey, Selection } from "./table-layout.js";

/** Up to this many rows are sorted for a query instead of being kept sorted. */
const fewRows = 32;
/** Leaving the order asked for, and sorting afterwards, pays off when it saves this much walking. */
const worthSorting = 8;

/** Where a row lies: before a range, in it, or behind it. */
type Place<T> = (row: T) => number;

interface Range<T, Order> {
  readonly order: Order | "id";
  readonly place: Place<T>;
}

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
>(
  table: TableIndexes<Id, R, Group, Order, Text>,
  selection: Selection<R, Group, Order, Text>,
): R[] {
  const limit = selection.limit ?? Number.POSITIVE_INFINITY;
  if (limit <= 0) return [];
  const descending = selection.descending === true;
  const orderBy = selection.orderBy ?? "id";
  const { source, tests } = planQuery(table, selection);
  const ranges = (selection.ranges ?? []).map(
    (range): Range<Row<Id, R>, Order> => ({
      order: range.order,
      place: (row) => placeOf(table.orderKey(range.order, row.record), range),
    }),
  );
  const passes = (row: Row<Id, R>): boolean => tests.every((test) => test(row.record));

  if (source.bucket === undefined || source.size <= fewRows) {
    const found: Row<Id, R>[] = [];
    for (const row of source.rows) {
      if (ranges.every(({ place }) => place(row) === 0) && passes(row)) found.push(row);
    }
    return inOrder(found, table.comparison(orderBy), descending, limit);
  }

  const { bucket } = source;
  const walked = chooseRange(table, bucket, ranges, orderBy);
  const order = walked?.order ?? orderBy;
  const others = ranges.filter((range) => range !== walked);
  const unconditional = tests.length === 0 && others.length === 0;
  const isSorted = order === orderBy;
  const records: R[] = [];
  const found: Row<Id, R>[] = [];
  bucket
    .list(order, table.comparison(order))
    .visit(descending, walked?.place, (chunk, from, to) => {
      for (let step = 0; step < to - from; step += 1) {
        const row = chunk[descending ? to - 1 - step : from + step] as Row<Id, R>;
        const isWanted =
          unconditional || (others.every(({ place }) => place(row) === 0) && passes(row));
        if (!isWanted) continue;
        if (!isSorted) found.push(row);
        else if (records.push(row.record) >= limit) return false;
      }
      return true;
    });
  return isSorted ? records : inOrder(found, table.comparison(orderBy), descending, limit);
}

/** The range to walk, if one saves walking: all rows in the order asked for is the alternative. */
function chooseRange<Id extends OrderKey, R, Order extends string>(
  table: Pick<TableIndexes<Id, R, string, Order, string>, "comparison">,
  bucket: Bucket<Row<Id, R>>,
  ranges: readonly Range<Row<Id, R>, Order>[],
  orderBy: Order | "id",
): Range<Row<Id, R>, Order> | undefined {
  let chosen = ranges.find(({ order }) => order === orderBy);
  let rows = chosen === undefined ? bucket.size : rowsWithin(table, bucket, chosen);
  for (const range of ranges) {
    if (range.order === orderBy) continue;
    const inside = rowsWithin(table, bucket, range);
    const factor = chosen === undefined || chosen.order === orderBy ? worthSorting : 1;
    if (inside * factor >= rows) continue;
    chosen = range;
    rows = inside;
  }
  return chosen;
}

function rowsWithin<Id extends OrderKey, R, Order extends string>(
  table: Pick<TableIndexes<Id, R, string, Order, string>, "comparison">,
  bucket: Bucket<Row<Id, R>>,
  range: Range<Row<Id, R>, Order>,
): number {
  return bucket.list(range.order, table.comparison(range.order)).count(range.place);
}

function inOrder<Id, R>(
  rows: Row<Id, R>[],
  compare: Comparison<Row<Id, R>>,
  descending: boolean,
  limit: number,
): R[] {
  rows.sort(descending ? (a, b) => compare(b, a) : compare);
  return rows.slice(0, limit).map((row) => row.record);
}

function placeOf(
  key: OrderKey,
  range: { readonly min?: OrderKey | undefined; readonly max?: OrderKey | undefined },
): number {
  if (range.min !== undefined && key < range.min) return -1;
  return range.max !== undefined && key > range.max ? 1 : 0;
}
