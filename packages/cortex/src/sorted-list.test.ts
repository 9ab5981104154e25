import fc from "fast-check";
import { expect, it } from "vitest";
import { SortedList } from "./sorted-list.js";

const byValue = (a: number, b: number): number => a - b;

function contents(list: SortedList<number>, descending = false, place?: (n: number) => number) {
  const found: number[] = [];
  list.visit(descending, place, (chunk, from, to) => {
    const run = chunk.slice(from, to);
    found.push(...(descending ? run.reverse() : run));
    return true;
  });
  return found;
}

it("holds what a sorted set holds, at any size and in any order of changes", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(20_000), { maxLength: 6_000, size: "max" }),
      fc.array(fc.nat(20_000), { maxLength: 3_000, size: "max" }),
      fc.nat(20_000),
      fc.nat(20_000),
      (added, removed, low, high) => {
        const half = Math.floor(added.length / 2);
        const list = new SortedList(byValue, added.slice(0, half));
        for (const item of added.slice(half)) list.add(item);
        const reference = new Set(added);
        for (const item of removed) expect(list.delete(item)).toBe(reference.delete(item));
        const sorted = [...reference].sort(byValue);
        expect(list.size).toBe(sorted.length);
        expect(contents(list)).toEqual(sorted);
        expect(contents(list, true)).toEqual(sorted.toReversed());
        const place = (item: number) => (item < low ? -1 : item > high ? 1 : 0);
        const between = sorted.filter((item) => place(item) === 0);
        expect(contents(list, false, place)).toEqual(between);
        expect(contents(list, true, place)).toEqual(between.toReversed());
        expect(list.count(place)).toBe(between.length);
      },
    ),
    { numRuns: 20 },
  );
});

it("stops when its visitor has seen enough", () => {
  const list = new SortedList(
    byValue,
    Array.from({ length: 5_000 }, (_, at) => at),
  );
  let runs = 0;
  list.visit(false, undefined, () => {
    runs += 1;
    return false;
  });
  expect(runs).toBe(1);
});
