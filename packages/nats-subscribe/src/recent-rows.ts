import type { RowRecord } from "@gaiaftcl/sealed-row";

/**
 * The rows delivered lately, by witness hash, to tell a duplicate from something new. It holds a
 * fixed number: a duplicate that comes after more rows than that is not recognised.
 *
 * What the hash does not cover must be equal as well. Only rows that are ok belong here: a forged row
 * must not make a real one of the same hash look like a duplicate.
 */
export class RecentRows {
  readonly #most: number;
  readonly #seen = new Map<string, string>();

  constructor(most: number) {
    this.#most = most;
  }

  has(row: RowRecord): boolean {
    return this.#seen.get(hashOf(row)) === restOf(row);
  }

  add(row: RowRecord): void {
    const hash = hashOf(row);
    // Put at the end, where the newest are.
    this.#seen.delete(hash);
    this.#seen.set(hash, restOf(row));
    if (this.#seen.size <= this.#most) return;
    for (const oldest of this.#seen.keys()) {
      this.#seen.delete(oldest);
      return;
    }
  }
}

function hashOf(row: RowRecord): string {
  return String(row["witness_hash_sha256"]);
}

function restOf(row: RowRecord): string {
  return `${row["seq"]}|${row["nats_broadcast_at_iso"]}|${row["signature_quintet"]}`;
}
