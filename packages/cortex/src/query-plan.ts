import type { Bucket, Row } from "./bucket.js";
import type { TableIndexes } from "./table-indexes.js";
import type { GroupKey, OrderKey, Selection } from "./table-layout.js";

/** What a query starts from: a bucket, which has its rows in order, or some rows. */
export type Source<T> =
  | { readonly size: number; readonly bucket: Bucket<T>; readonly rows: Iterable<T> }
  | { readonly size: number; readonly bucket?: undefined; readonly rows: Iterable<T> };

/** The smallest source, and the conditions that it does not imply. */
export function planQuery<
  Id extends OrderKey,
  R,
  Group extends string,
  Order extends string,
  Text extends string,
>(
  table: TableIndexes<Id, R, Group, Order, Text>,
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
  table: Pick<TableIndexes<Id, R, Group, string, string>, "bucket">,
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
