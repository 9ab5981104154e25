import type { RowValue } from "@gaiaftcl/sealed-row";
import type { ScannedRow } from "./scan-request.js";
import { SealedReaderError } from "./sealed-reader-error.js";

/**
 * A value on its way from the process that reads to the one that verifies. A number is an integer
 * that JSON carries exactly; others are named: `i` the digits of an integer, `r` a floating-point
 * number as text, `b` a blob in base64.
 */
type Coded = null | string | number | readonly ["i" | "r" | "b", string];

/** Key, hash of the row before, and cosignatures stand before the columns. */
const BESIDE = 3;

/** Rows as JSON text, which costs a third of what writing bytes one by one does. */
export function encodeRows(rows: readonly ScannedRow[]): string {
  const coded: Coded[][] = [];
  for (const { key, previous, cosignatures, values } of rows) {
    const row: Coded[] = [encodeValue(key), previous, cosignatures];
    for (const value of values) row.push(encodeValue(value));
    coded.push(row);
  }
  return JSON.stringify(coded);
}

/**
 * @param columns the number of columns each row must have
 * @throws SealedReaderError `CHILD_FAILED` for anything that `encodeRows` does not write
 */
export function decodeRows(text: string, columns: number, maxRows: number): ScannedRow[] {
  let coded: unknown;
  try {
    coded = JSON.parse(text);
  } catch (cause) {
    throw malformed("JSON", cause);
  }
  if (!Array.isArray(coded) || coded.length > maxRows) throw malformed(`at most ${maxRows} rows`);
  return coded.map((row: unknown) => {
    if (!Array.isArray(row) || row.length !== BESIDE + columns) {
      throw malformed(`rows of ${columns} columns`);
    }
    return decodeRow(row);
  });
}

function decodeRow(row: readonly unknown[]): ScannedRow {
  const key = decodeValue(row[0]);
  const previous = row[1];
  const cosignatures = row[2];
  if (
    (key !== null && typeof key !== "bigint") ||
    (previous !== null && typeof previous !== "string") ||
    (cosignatures !== null && typeof cosignatures !== "string")
  ) {
    throw malformed("key, hash and cosignatures before the columns");
  }
  const values: RowValue[] = [];
  for (let index = BESIDE; index < row.length; index += 1) values.push(decodeValue(row[index]));
  return { key, previous, cosignatures, values };
}

function encodeValue(value: RowValue): Coded {
  if (value === null || typeof value === "string") return value;
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : ["i", String(value)];
  }
  if (typeof value === "number") return ["r", Object.is(value, -0) ? "-0" : String(value)];
  return ["b", Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")];
}

function decodeValue(coded: unknown): RowValue {
  if (coded === null || typeof coded === "string") return coded;
  if (typeof coded === "number" && Number.isSafeInteger(coded)) return BigInt(coded);
  if (!Array.isArray(coded) || coded.length !== 2) throw malformed("a value");
  const [kind, text] = coded as readonly unknown[];
  if (typeof text !== "string") throw malformed("a value");
  if (kind === "i" && /^-?\d{1,19}$/.test(text)) return BigInt.asIntN(64, BigInt(text));
  if (kind === "r" && text.length <= 32) return Number(text);
  if (kind === "b") return new Uint8Array(Buffer.from(text, "base64"));
  throw malformed("a value");
}

function malformed(expected: string, cause?: unknown): SealedReaderError {
  return new SealedReaderError(
    "CHILD_FAILED",
    `the reading process broke its protocol: expected ${expected}`,
    { cause },
  );
}
