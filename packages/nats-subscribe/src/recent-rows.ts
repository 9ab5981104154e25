import type { RowRecord, RowValue } from "@gaiaftcl/sealed-row";

/**
 * The rows delivered lately, by witness hash, to tell a duplicate from something new. It holds a
 * fixed number: a duplicate that comes after more rows than that is not recognised.
 *
 * What the hash does not cover must be equal as well. Only rows that are ok belong here: a forged row
 * must not make a real one of the same hash look like a duplicate.
 */
export class RecentRows {
  readonly #most: number;
  readonly #seen = new Map<RowValue | undefined, Beside>();

  constructor(most: number) {
    this.#most = most;
  }

  has(row: RowRecord): boolean {
    const seen = this.#seen.get(row["witness_hash_sha256"]);
    return (
      seen !== undefined &&
      seen.quintet === row["signature_quintet"] &&
      seen.broadcastAt === row["nats_broadcast_at_iso"] &&
      seen.seq === row["seq"]
    );
  }

  add(row: RowRecord): void {
    const hash = row["witness_hash_sha256"];
    const beside = {
      seq: row["seq"],
      broadcastAt: row["nats_broadcast_at_iso"],
      quintet: row["signature_quintet"],
    };
    const before = this.#seen.size;
    this.#seen.set(hash, beside);
    if (this.#seen.size === before || before < this.#most) return;
    for (const oldest of this.#seen.keys()) {
      this.#seen.delete(oldest);
      return;
    }
  }
}

/** What the witness hash does not cover. */
interface Beside {
  readonly seq: RowValue | undefined;
  readonly broadcastAt: RowValue | undefined;
  readonly quintet: RowValue | undefined;
}
