import { CanonicalJsonError, decode, encodeBytes, type JsonValue } from "@gaiaftcl/canonical-json";
import { encodeFrame, MESSAGE, ROWS } from "./frame.js";
import type { LocalEngineOptions } from "./local-engine.js";
import { decodeRows, encodeRows } from "./row-codec.js";
import type { ScanBatch, ScanRequest } from "./scan-request.js";
import { isSealedReaderErrorCode, SealedReaderError } from "./sealed-reader-error.js";
import { BATCH_ROWS } from "./table-scan.js";
import type { TableShape } from "./table-shape.js";

/** What the verifying process asks of the reading one; each has one answer. */
export type ChildRequest =
  | { readonly op: "open"; readonly path: string; readonly options: LocalEngineOptions }
  | { readonly op: "shapes" }
  | { readonly op: "tail"; readonly table: string }
  | { readonly op: "count"; readonly table: string; readonly after?: bigint; readonly upTo: bigint }
  | { readonly op: "scan"; readonly request: ScanRequest }
  | { readonly op: "next"; readonly scan: number }
  | { readonly op: "end"; readonly scan: number }
  | { readonly op: "cosignatures"; readonly witnessHash: string }
  | { readonly op: "check" };

export type Answer =
  | { readonly id: number; readonly value: JsonValue }
  | { readonly id: number; readonly error: SealedReaderError }
  | { readonly id: number; readonly rows: Buffer; readonly done: boolean };

const ROWS_HEADER_BYTES = 5;

/**
 * The longest answer: a batch whose last row brought the largest values, each byte of which may take
 * six in JSON.
 */
export function maxAnswerBytes(maxValueBytes: number): number {
  return (1 << 24) + 8 * maxValueBytes;
}

export function encodeRequest(id: number, request: ChildRequest): Buffer {
  return encodeFrame(MESSAGE, encodeBytes({ id, request }));
}

export function encodeAnswer(id: number, value: unknown): Buffer {
  return encodeFrame(MESSAGE, encodeBytes({ id, value }));
}

export function encodeFailure(id: number, cause: unknown): Buffer {
  const error =
    cause instanceof SealedReaderError
      ? { code: cause.code, message: cause.message }
      : { code: "CHILD_FAILED", message: `the reading process failed: ${String(cause)}` };
  const message = error.message.toWellFormed().slice(0, 4000).toWellFormed();
  return encodeFrame(MESSAGE, encodeBytes({ id, error: { code: error.code, message } }));
}

export function encodeBatch(id: number, batch: ScanBatch): Buffer {
  const header = Buffer.allocUnsafe(ROWS_HEADER_BYTES);
  header.writeUInt32BE(id, 0);
  header.writeUInt8(batch.done ? 1 : 0, 4);
  return encodeFrame(ROWS, Buffer.concat([header, Buffer.from(encodeRows(batch.rows))]));
}

/** @throws SealedReaderError `CHILD_FAILED` */
export function decodeAnswer(kind: number, body: Buffer): Answer {
  if (kind === ROWS && body.byteLength >= ROWS_HEADER_BYTES) {
    return {
      id: body.readUInt32BE(0),
      done: body.readUInt8(4) === 1,
      rows: body.subarray(ROWS_HEADER_BYTES),
    };
  }
  if (kind !== MESSAGE) throw broken("a message or rows");
  const answer = objectOf(parse(body), "an answer");
  const id = answer["id"];
  if (typeof id !== "number") throw broken("an answer with its number");
  const value = answer["value"];
  if (value !== undefined) return { id, value };
  const { code, message } = objectOf(answer["error"], "a value or an error");
  if (!isSealedReaderErrorCode(code) || typeof message !== "string") throw broken("an error");
  return { id, error: new SealedReaderError(code, message) };
}

/** The rows of an answer, each as wide as the table that was asked for. */
export function decodeBatch(rows: Buffer, done: boolean, columns: number): ScanBatch {
  return { rows: decodeRows(rows.toString(), columns, BATCH_ROWS), done };
}

/** @throws SealedReaderError `CHILD_FAILED` */
export function decodeShape(value: JsonValue | undefined): TableShape {
  const { table, columns, key, rowidName } = objectOf(value, "the shape of a table");
  if (
    typeof table !== "string" ||
    !Array.isArray(columns) ||
    columns.length > 250 ||
    !columns.every((column) => typeof column === "string" && /^[A-Za-z]\w{0,127}$/.test(column)) ||
    new Set(columns).size !== columns.length ||
    (key !== "seq" && key !== "rowid" && key !== "none")
  ) {
    throw broken("the shape of a table");
  }
  const shape = { table, columns: columns as readonly string[], key } as const;
  return typeof rowidName === "string" ? { ...shape, rowidName } : shape;
}

/** An integer that came as JSON, or `undefined` for null. */
export function decodeInteger(value: JsonValue | undefined): bigint | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  throw broken("an integer");
}

export function parse(body: Buffer): JsonValue {
  try {
    return decode(body, { maxBytes: 1 << 22, bigints: "bigint" });
  } catch (cause) {
    if (cause instanceof CanonicalJsonError) throw broken(`JSON (${cause.message})`);
    throw cause;
  }
}

export function objectOf(
  value: JsonValue | undefined,
  expected: string,
): { readonly [key: string]: JsonValue | undefined } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw broken(expected);
  return value as { readonly [key: string]: JsonValue };
}

export function broken(expected: string): SealedReaderError {
  return new SealedReaderError(
    "CHILD_FAILED",
    `the reading process broke its protocol: expected ${expected}`,
  );
}
