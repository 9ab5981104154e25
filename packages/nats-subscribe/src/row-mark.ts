import type { RowRecord } from "@gaiaftcl/sealed-row";
import { isTimestamp } from "@gaiaftcl/sealed-row";
import { sha256Hex } from "@gaiaftcl/witness";
import type { RowMessage } from "./message.js";
import { TextRowMessage } from "./text-row-message.js";

/**
 * What tells a row that is ok from all others: its witness hash, and what that does not cover. The
 * other three facets follow from the witness.
 */
export interface RowMark {
  readonly witnessHash: string;
  readonly pathFacet: string;
  readonly tauFacet: string;
  readonly seq: number;
  readonly broadcastAfterMs: number | null;
}

const QUINTET =
  /^\["[0-9a-f]{64}","[0-9a-f]{64}","([0-9a-f]{64})","[0-9a-f]{64}","([0-9a-f]{64})"\]$/;

export function markOf(message: RowMessage): RowMark {
  if (message instanceof TextRowMessage) return message.event;
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
    return { witnessHash, pathFacet: beside, tauFacet: beside, seq: -1, broadcastAfterMs: null };
  }
  return { witnessHash, pathFacet, tauFacet, seq: exact, broadcastAfterMs };
}

function broadcastAfter(row: RowRecord): number | null | undefined {
  const { sealed_at_iso: sealedAt, nats_broadcast_at_iso: broadcastAt } = row;
  if (broadcastAt === null) return null;
  if (!isTimestamp(sealedAt) || !isTimestamp(broadcastAt)) return undefined;
  return Date.parse(broadcastAt) - Date.parse(sealedAt);
}
