import { ManifestError, quote } from "./manifest-error.js";

const FORM = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z$/;

/** Whether a text is exactly `YYYY-MM-DDThh:mm:ssZ` and a date that exists. */
export function isProducedAt(text: string): boolean {
  if (!FORM.test(text)) return false;
  const milliseconds = Date.parse(text);
  // The parser rolls 31 February over; its own text then differs.
  return Number.isFinite(milliseconds) && formatSeconds(milliseconds) === text;
}

/**
 * The time of production as a manifest writes it: UTC, whole seconds, rounded down (cell format,
 * section 3).
 *
 * @throws ManifestError `PRODUCED_AT` for an invalid date or a year beyond 0000 to 9999.
 */
export function formatProducedAt(date: Date): string {
  const milliseconds = date.getTime();
  if (Number.isFinite(milliseconds)) {
    const text = formatSeconds(milliseconds);
    if (FORM.test(text)) return text;
  }
  throw new ManifestError(
    "PRODUCED_AT",
    `expected a time in the years 0000 to 9999, found ${String(date)}`,
  );
}

/** @throws ManifestError `PRODUCED_AT` */
export function ensureProducedAt(text: string): string {
  if (isProducedAt(text)) return text;
  throw new ManifestError(
    "PRODUCED_AT",
    `expected produced_at_iso as YYYY-MM-DDThh:mm:ssZ, found ${quote(text)}`,
  );
}

function formatSeconds(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d{3}Z$/, "Z");
}
