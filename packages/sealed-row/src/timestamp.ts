import { SealedRowError } from "./sealed-row-error.js";

const PATTERN = /^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** True for `YYYY-MM-DDThh:mm:ss.sssZ` of a day and time that exist (cell format, section 5). */
export function isTimestamp(value: unknown): value is string {
  if (typeof value !== "string" || !PATTERN.test(value)) return false;
  return isDayOf(
    twoDigits(value, 0),
    twoDigits(value, 2),
    twoDigits(value, 5),
    twoDigits(value, 8),
  );
}

/** Whether a month has that day, in that year of that century. */
function isDayOf(century: number, year: number, month: number, day: number): boolean {
  const isLeap = (year === 0 ? century : year) % 4 === 0;
  const days = month === 2 && isLeap ? 29 : (DAYS[month - 1] ?? 0);
  return day >= 1 && day <= days;
}

/** @throws SealedRowError `TIME_INVALID` */
export function ensureTimestamp(name: string, value: unknown): string {
  if (isTimestamp(value)) return value;
  throw new SealedRowError(
    "TIME_INVALID",
    `${name}: expected a UTC time in milliseconds such as 2026-11-20T00:00:00.000Z, found ${describe(value)}`,
  );
}

function twoDigits(value: string, at: number): number {
  return (value.charCodeAt(at) - 48) * 10 + value.charCodeAt(at + 1) - 48;
}

function describe(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 64)) : typeof value;
}
