import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { SuiteName } from "./ed25519-cases.ts";

/** The one table of verdicts that every runtime must give: `V` accepted, `X` refused, per case. */
export const verdictTable: Readonly<Record<SuiteName, string>> = JSON.parse(
  readFileSync(join(import.meta.dirname, "ed25519-verdicts.json"), "utf8"),
);
