/**
 * A parsed JSON value that keeps what JSON.parse forgets: an integer is a bigint and a double a
 * number, so that 1 and 1.0 differ and 64-bit integers are exact (event bus format, section 7).
 */
export type JsonNode = null | boolean | bigint | number | string | readonly JsonNode[] | JsonObject;

/** The members of an object, the last of each key, and the keys that came more than once. */
export class JsonObject {
  readonly members: Map<string, JsonNode> = new Map();
  repeated: Set<string> | undefined;

  add(key: string, value: JsonNode): void {
    if (this.members.has(key)) {
      this.repeated ??= new Set();
      this.repeated.add(key);
    }
    this.members.set(key, value);
  }

  /** The member that came exactly once. */
  single(key: string): JsonNode | undefined {
    return this.repeated?.has(key) ? undefined : this.members.get(key);
  }
}

/** Deep equality by kind; the order of members does not matter. */
export function equalNodes(a: JsonNode, b: JsonNode): boolean {
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => equalNodes(item, b[index]));
  }
  if (a instanceof JsonObject) {
    if (!(b instanceof JsonObject) || a.members.size !== b.members.size) return false;
    for (const [key, value] of a.members) {
      const other = b.members.get(key);
      if (other === undefined || !equalNodes(value, other)) return false;
    }
    return true;
  }
  return a === b;
}
