/**
 * What instrumented modules report to: how often each of their blocks ran and, while tracing, what they
 * compared with what. Every instrumented module imports it, so that it is there before any of them.
 */
export const counters: Uint32Array = new Uint32Array(1 << 16);

/** Two values that a module found different. */
export type Comparison = readonly [unknown, unknown];

const MAX_COMPARISONS = 512;
let isTracing = false;
let comparisons: Comparison[] = [];
let subject: unknown;

/** Records comparisons from now on. */
export function startTrace(): void {
  isTracing = true;
  comparisons = [];
}

/** Ends the record, and gives it. */
export function endTrace(): readonly Comparison[] {
  isTracing = false;
  return comparisons;
}

function note(left: unknown, right: unknown): void {
  if (left !== right && comparisons.length < MAX_COMPARISONS) comparisons.push([left, right]);
}

export function eq(left: unknown, right: unknown): boolean {
  if (isTracing) note(left, right);
  return left === right;
}

export function ne(left: unknown, right: unknown): boolean {
  if (isTracing) note(left, right);
  return left !== right;
}

export function lt(left: number, right: number): boolean {
  if (isTracing) note(left, right);
  return left < right;
}

export function le(left: number, right: number): boolean {
  if (isTracing) note(left, right);
  return left <= right;
}

export function gt(left: number, right: number): boolean {
  if (isTracing) note(left, right);
  return left > right;
}

export function ge(left: number, right: number): boolean {
  if (isTracing) note(left, right);
  return left >= right;
}

/** What a `switch` looks at. */
export function switched<T>(value: T): T {
  if (isTracing) subject = value;
  return value;
}

/** One of its cases. */
export function caseOf<T>(value: T): T {
  if (isTracing) note(subject, value);
  return value;
}
