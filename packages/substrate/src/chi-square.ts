import gammainc from "@stdlib/math-base-special-gammainc";

/** A chi-square test, or why the data permits none. */
export type ChiSquareTest =
  | {
      readonly kind: "tested";
      readonly statistic: number;
      readonly degreesOfFreedom: number;
      readonly pValue: number;
      /** The counts as they were compared, after pooling; one row for each sample. */
      readonly observed: readonly (readonly number[])[];
    }
  | { readonly kind: "inconclusive"; readonly reason: string };

/** Below this expected count a category is pooled with its neighbour (Cochran's rule). */
const LEAST_EXPECTED = 5;

/**
 * Chi-square of a histogram against the law P(k) = (1 - p)^k p, k = 0, 1, 2, …
 *
 * The categories are 0 … K - 1 and "K or more", with the largest K for which the last one, and so
 * every one, is expected at least five times. There is no parameter to estimate: K degrees of freedom.
 */
export function geometricTest(histogram: readonly number[], p: number): ChiSquareTest {
  const total = sum(histogram);
  let tail = 0;
  while (total * (1 - p) ** (tail + 1) >= LEAST_EXPECTED) tail += 1;
  if (tail === 0) {
    return inconclusive(
      `${total} observations are too few for two categories of ${LEAST_EXPECTED}`,
    );
  }
  const observed = Array.from({ length: tail }, (_, k) => histogram[k] ?? 0);
  observed.push(total - sum(observed));
  const statistic = observed.reduce((chi, count, k) => {
    const expected = total * (1 - p) ** k * (k === tail ? 1 : p);
    return chi + (count - expected) ** 2 / expected;
  }, 0);
  return tested(statistic, tail, [observed]);
}

/**
 * Chi-square of independence of samples and categories: whether all samples, each a histogram, come
 * from one law. Samples without observations are left out, and neighbouring categories are pooled,
 * from the last one on, until every cell is expected at least five times.
 */
export function contingencyTest(histograms: readonly (readonly number[])[]): ChiSquareTest {
  const samples = histograms.filter((histogram) => sum(histogram) > 0);
  if (samples.length < 2) {
    return inconclusive(`expected at least two samples with observations, found ${samples.length}`);
  }
  const categories = Math.max(...samples.map((sample) => sample.length));
  const table = samples.map((sample) =>
    Array.from({ length: categories }, (_, k) => sample[k] ?? 0),
  );
  const rows = table.map(sum);
  const total = sum(rows);
  const smallestShare = Math.min(...rows) / total;
  pool(table, (column) => column * smallestShare >= LEAST_EXPECTED);
  const columns = columnSums(table);
  if (columns.length < 2) {
    return inconclusive(`no two categories are expected ${LEAST_EXPECTED} times in every sample`);
  }
  const statistic = table.reduce(
    (chi, row, r) =>
      row.reduce((inner, count, c) => {
        const expected = ((rows[r] ?? 0) * (columns[c] ?? 0)) / total;
        return inner + (count - expected) ** 2 / expected;
      }, chi),
    0,
  );
  return tested(statistic, (rows.length - 1) * (columns.length - 1), table);
}

/** Merges each category that is too small into the one before it, the first into the second. */
function pool(table: number[][], isEnough: (columnSum: number) => boolean): void {
  for (;;) {
    const columns = columnSums(table);
    const small = columns.findLastIndex((column) => !isEnough(column));
    if (small < 0 || columns.length === 1) return;
    const into = Math.max(small, 1) - 1;
    for (const row of table) row.splice(into, 2, (row[into] ?? 0) + (row[into + 1] ?? 0));
  }
}

function columnSums(table: readonly (readonly number[])[]): number[] {
  return (table[0] ?? []).map((_, k) => sum(table.map((row) => row[k] ?? 0)));
}

function tested(
  statistic: number,
  degreesOfFreedom: number,
  observed: readonly (readonly number[])[],
): ChiSquareTest {
  const pValue = chiSquareTail(statistic, degreesOfFreedom);
  return { kind: "tested", statistic, degreesOfFreedom, pValue, observed };
}

/** The probability that a chi-square variable exceeds a value: a regularised incomplete gamma function. */
export function chiSquareTail(statistic: number, degreesOfFreedom: number): number {
  return gammainc(statistic / 2, degreesOfFreedom / 2, true, true);
}

function inconclusive(reason: string): ChiSquareTest {
  return { kind: "inconclusive", reason };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
