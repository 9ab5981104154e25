/** Whether two query results say the same: by value through arrays, plain objects, maps and bytes. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || a instanceof Uint8Array) {
    return (
      (Array.isArray(b) || b instanceof Uint8Array) &&
      Array.isArray(a) === Array.isArray(b) &&
      a.length === b.length &&
      a.every((item: unknown, index: number) => sameValue(item, b[index]))
    );
  }
  if (a instanceof Map) {
    return (
      b instanceof Map &&
      a.size === b.size &&
      [...a].every(([key, item]) => b.has(key) && sameValue(item, b.get(key)))
    );
  }
  if (a instanceof Set) {
    return b instanceof Set && a.size === b.size && [...a].every((item) => b.has(item));
  }
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  const left = Object.entries(a);
  const right = new Map(Object.entries(b));
  return (
    left.length === right.size &&
    left.every(([name, item]) => right.has(name) && sameValue(item, right.get(name)))
  );
}
