import { EVENT_MARK_WORDS, isTimestamp, type RowRecord } from "@gaiaftcl/sealed-row";
import { sha256Hex } from "@gaiaftcl/witness";
import type { RowMessage } from "./message.js";

/**
 * What tells a row that is ok from all others: its witness hash, and what that does not cover. The
 * other three facets follow from the witness.
 */
export interface RowMark {
  /** Where the mark stands, as in the record of an event. */
  readonly words: Int32Array;
  readonly at: number;
}

/** Of the witness hash, and of each facet, a mark has so many words. */
const HASH_WORDS = 4;
const FACET_WORDS = 2;
const WORD_DIGITS = 8;
const QUINTET =
  /^\["[0-9a-f]{64}","[0-9a-f]{64}","([0-9a-f]{64})","[0-9a-f]{64}","([0-9a-f]{64})"\]$/;

/** The mark of a message by the columns of its row. */
export function markOfColumns(message: RowMessage): RowMark {
  const { row, report } = message;
  const { seq, signature_quintet: quintet, nats_broadcast_at_iso: broadcastAt } = row;
  const witnessHash = String(row["witness_hash_sha256"]);
  const [, pathFacet, tauFacet] = QUINTET.exec(String(quintet)) ?? [];
  const exact = Number(seq);
  const broadcastAfterMs = broadcastAfter(row);
  if (
    report.level === "witness" ||
    pathFacet === undefined ||
    tauFacet === undefined ||
    typeof seq !== "bigint" ||
    !Number.isSafeInteger(exact) ||
    broadcastAfterMs === undefined
  ) {
    // A row of another make, or large numbers: whatever stands in it counts.
    const beside = sha256Hex(JSON.stringify([String(seq), quintet, broadcastAt].map(String)));
    return markOfTexts([witnessHash, beside, beside], -1, null);
  }
  return markOfTexts([witnessHash, pathFacet, tauFacet], exact, broadcastAfterMs);
}

/** The mark of a row by its witness hash and the two facets, of 64 digits each. */
export function markOfTexts(
  [witnessHash, pathFacet, tauFacet]: readonly [string, string, string],
  seq: number,
  broadcastAfterMs: number | null,
): RowMark {
  const words = new Int32Array(EVENT_MARK_WORDS);
  const hex = [
    witnessHash.slice(0, HASH_WORDS * WORD_DIGITS),
    pathFacet.slice(0, FACET_WORDS * WORD_DIGITS),
    tauFacet.slice(0, FACET_WORDS * WORD_DIGITS),
  ].join("");
  const count = HASH_WORDS + 2 * FACET_WORDS;
  for (let word = 0; word < count; word += 1) {
    words[word] = Number.parseInt(hex.slice(word * WORD_DIGITS, (word + 1) * WORD_DIGITS), 16);
  }
  const numbers = new Float64Array(words.buffer, count * 4, 2);
  numbers[0] = seq;
  numbers[1] = broadcastAfterMs ?? Number.POSITIVE_INFINITY;
  return { words, at: 0 };
}

function broadcastAfter(row: RowRecord): number | null | undefined {
  const { sealed_at_iso: sealedAt, nats_broadcast_at_iso: broadcastAt } = row;
  if (broadcastAt === null) return null;
  if (!isTimestamp(sealedAt) || !isTimestamp(broadcastAt)) return undefined;
  return Date.parse(broadcastAt) - Date.parse(sealedAt);
}
