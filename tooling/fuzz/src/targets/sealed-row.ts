import {
  decodeEvent,
  encodeEvent,
  eventVerifier,
  isTimestamp,
  parseRowWitness,
  rowWitness,
  SEALED_TABLES,
  SealedRowError,
  verifyRow,
} from "@gaiaftcl/sealed-row";
import { readQuintet } from "../../../../packages/sealed-row/src/quintet-text.ts";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claim, claimSame, unlessRefused } from "./claims.ts";
import { vectorJson, vectorTexts } from "./seeds.ts";

const VECTORS = "sealed-row/vectors/sealed-rows.json";
const seeds = (): string[] => [...vectorJson(VECTORS), ...vectorTexts(VECTORS)];

export const targets: readonly FuzzTarget[] = [
  {
    name: "sealed-row/event",
    seeds,
    maxLength: 6000,
    share: 0.3,
    run(input) {
      const event = unlessRefused(SealedRowError, () => decodeEvent(input));
      const isOk =
        event !== undefined &&
        unlessRefused(SealedRowError, () => verifyRow(event.table, event.row))?.ok === true;
      for (const table of SEALED_TABLES) {
        const verified = eventVerifier(table).read(input);
        // The fast way may know nothing of a good row, and must never know a bad one.
        if (verified !== undefined) claim(isOk && event.table === table.name, "verified means ok");
      }
      if (event === undefined) return;
      const encoded = unlessRefused(SealedRowError, () => encodeEvent(event.table, event.row));
      if (encoded !== undefined) claimSame(decodeEvent(encoded), event, "an event");
    },
  },
  {
    name: "sealed-row/witness",
    seeds,
    maxLength: 1000,
    run(input) {
      const text = new TextDecoder().decode(input);
      const fields = parseRowWitness(text);
      if (fields === undefined) return;
      claim(isTimestamp(fields.sealedAtIso), "its time is one");
      const again = unlessRefused(SealedRowError, () => rowWitness(fields.table, fields));
      if (again !== undefined) claimSame(again, text, "the witness of its fields");
    },
  },
  {
    name: "sealed-row/quintet-text",
    seeds,
    maxLength: 1000,
    run(input) {
      const text = new TextDecoder().decode(input);
      claimSame(readQuintet(text), readQuintet(text), "what is read");
    },
  },
];
