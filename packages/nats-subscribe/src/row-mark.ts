import type { RowRecord, VerifiedEvent } from "@gaiaftcl/sealed-row";
import { isTimestamp } from "@gaiaftcl/sealed-row";
import { sha256Hex } from "@gaiaftcl/witness";
import { EventRowMessage } from "./event-row-message.js";
import type { RowMessage } from "./message.js";

/**
 * What tells a row that is ok from all others: its witness hash, and what that does not cover. The
 * other three facets follow from the witness.
 */
export interface RowMark {
  /** Where the hashes stand, as hex digits. */
  readonly digits: Uint8Array;
  readonly found: Omit<VerifiedEvent, "idStart" | "idEnd">;
}

const HASH_LENGTH = 64;
const QUINTET =
  /^\["[0-9a-f]{64}","[0-9a-f]{64}","([0-9a-f]{64})","[0-9a-f]{64}","([0-9a-f]{64})"\]$/;

export function markOf(message: RowMessage): RowMark {
  if (message instanceof EventRowMessage && message.bytes !== undefined) {
    return { digits: message.bytes, found: message.found };
  }
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
  hashes: readonly [string, string, string],
  seq: number,
  broadcastAfterMs: number | null,
): RowMark {
  const found = {
    witnessHashStart: 0,
    pathFacetStart: HASH_LENGTH,
    tauFacetStart: 2 * HASH_LENGTH,
    seq,
    broadcastAfterMs,
  };
  return { digits: Buffer.from(hashes.join(""), "latin1"), found };
}

function broadcastAfter(row: RowRecord): number | null | undefined {
  const { sealed_at_iso: sealedAt, nats_broadcast_at_iso: broadcastAt } = row;
  if (broadcastAt === null) return null;
  if (!isTimestamp(sealedAt) || !isTimestamp(broadcastAt)) return undefined;
  return Date.parse(broadcastAt) - Date.parse(sealedAt);
}
