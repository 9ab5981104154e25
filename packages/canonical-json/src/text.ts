import type { Snapshot } from "./snapshot.js";

/** Writes a snapshot as RFC 8785 text, objects sorted by the UTF-16 code units of their keys. */
export function writeText(value: Snapshot): string {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(writeText).join(",")}]`;
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${writeText(value[key] as Snapshot)}`);
  return `{${members.join(",")}}`;
}
