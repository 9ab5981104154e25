import {
  decodeCheckpoint,
  decodeEvidence,
  encodeCheckpoint,
  encodeEvidence,
  SealedReaderError,
  verifyEvidence,
} from "@gaiaftcl/sealed-reader";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claimSame, unlessRefused } from "./claims.ts";
import { vectorJson } from "./seeds.ts";

const hash = "ab".repeat(32);

export const targets: readonly FuzzTarget[] = [
  {
    name: "sealed-reader/checkpoint",
    seeds: () => [
      encodeCheckpoint({ table: "rows", count: 3n, lastSeq: 7n, lastHash: hash }),
      encodeCheckpoint({ table: "rows", count: 0n, lastSeq: null, lastHash: null }),
    ],
    run(input) {
      const checkpoint = unlessRefused(SealedReaderError, () => decodeCheckpoint(input));
      if (checkpoint === undefined) return;
      claimSame(decodeCheckpoint(encodeCheckpoint(checkpoint)), checkpoint, "a checkpoint");
    },
  },
  {
    name: "sealed-reader/evidence",
    seeds: () =>
      vectorJson("sealed-row/vectors/sealed-rows.json").map(
        (row) =>
          `{"format":"gaiaftcl.evidence.v1","table":"franklin_commands","row":${row},"previous_witness_hash":"${hash}","cosignatures":[{"context":"cell_id","public_key":"${hash}","signature":"AA"}]}`,
      ),
    maxLength: 6000,
    share: 0.5,
    run(input) {
      const evidence = unlessRefused(SealedReaderError, () => decodeEvidence(input));
      if (evidence === undefined) return;
      verifyEvidence(evidence);
      claimSame(decodeEvidence(encodeEvidence(evidence)), evidence, "a bundle");
    },
  },
];
