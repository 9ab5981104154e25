import { isTimestamp, type RowRecord } from "@gaiaftcl/sealed-row";
import type { RowMessage } from "./message.js";
import { TextRowMessage } from "./text-row-message.js";

/** What tells a row from all others: its witness hash, and what that does not cover. */
export interface RowMark {
  readonly hash: unknown;
  readonly seq: unknown;
  /** When it was broadcast, in milliseconds after it was sealed, or what stands for it. */
  readonly broadcastAfter: unknown;
  /** The JSON text of the quintet, or its entries where that text has no blanks. */
  readonly quintet: unknown;
}

export function markOf(message: RowMessage): RowMark {
  if (message instanceof TextRowMessage) {
    const { witnessHash, seq, broadcastAfterMs, quintet } = message.event;
    return { hash: witnessHash, seq: BigInt(seq), broadcastAfter: broadcastAfterMs, quintet };
  }
  const { row } = message;
  return {
    hash: row["witness_hash_sha256"],
    seq: row["seq"],
    broadcastAfter: broadcastAfter(row),
    quintet: row["signature_quintet"],
  };
}

function broadcastAfter(row: RowRecord): unknown {
  const { sealed_at_iso: sealedAt, nats_broadcast_at_iso: broadcastAt } = row;
  if (!isTimestamp(sealedAt) || !isTimestamp(broadcastAt)) return broadcastAt;
  return Date.parse(broadcastAt) - Date.parse(sealedAt);
}

export function isSameRow(one: RowMark, other: RowMark): boolean {
  return (
    one.hash === other.hash &&
    one.seq === other.seq &&
    one.broadcastAfter === other.broadcastAfter &&
    textOf(one.quintet) === textOf(other.quintet)
  );
}

function textOf(quintet: unknown): unknown {
  return Array.isArray(quintet) ? JSON.stringify(quintet) : quintet;
}
