import { eventVerifier, SEALED_TABLES } from "@gaiaftcl/sealed-row";
import type { Level } from "@gaiaftcl/witness";
import type { ReadInto } from "./shared-trays.js";

/** Verifies events of the sealed tables, which are named by their number among them. */
export function sealedVerifiers(require: Level | undefined): ReadInto {
  const verifiers = SEALED_TABLES.map((table) => eventVerifier(table, { require }));
  return (table, event, records, at) => {
    try {
      return verifiers[table]?.readInto(event, records, at) === true;
    } catch {
      // Left to the long way, which says why.
      return false;
    }
  };
}
