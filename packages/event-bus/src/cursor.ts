import { Buffer } from "node:buffer";
import { EventBusError } from "./event-bus-error.js";

/** For each shard the id of the last event consumed. */
export type Positions = ReadonlyMap<number, string>;

/** Longest cursor that is read: 65,536 shards with ids of 60 characters, and the base64. */
const LONGEST = 8_388_608;
const SHARD = /^(?:0|[1-9][0-9]{0,4})$/;

/** The text of a cursor: base64 of a JSON object (event bus format, section 6.3). */
export function encodeCursor(positions: Positions): string {
  const fields = [...positions].map(([shard, id]) => `"${shard}":${JSON.stringify(id)}`);
  return Buffer.from(`{${fields.join(",")}}`, "utf8").toString("base64");
}

/**
 * Reads a cursor. Positions of shards that do not exist are kept; ids are not looked at.
 *
 * @throws EventBusError `INVALID_CURSOR` for anything that is not base64 of a JSON object from shard
 * numbers in canonical decimal to texts.
 */
export function decodeCursor(cursor: string): Map<number, string> {
  if (cursor.length > LONGEST) {
    throw invalid(`${cursor.length} characters; at most ${LONGEST} are read`);
  }
  const bytes = Buffer.from(cursor, "base64");
  if (bytes.toString("base64") !== cursor) {
    throw invalid("not canonical base64 of the standard alphabet with padding");
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw invalid("the base64 does not hold JSON text", cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid("invalid type: expected a map from shard to id");
  }
  const positions = new Map<number, string>();
  for (const [key, id] of Object.entries(value)) {
    const shard = Number(key);
    if (!SHARD.test(key) || shard > 65_535) {
      throw invalid(`shard key ${JSON.stringify(key)} is not a canonical number up to 65535`);
    }
    if (typeof id !== "string") {
      throw invalid(`invalid type: the position of shard ${key} is not a string`);
    }
    positions.set(shard, id);
  }
  return positions;
}

function invalid(what: string, cause?: unknown): EventBusError {
  return new EventBusError(
    "INVALID_CURSOR",
    `invalid cursor: ${what}; pass the nextId of an earlier poll unchanged`,
    cause === undefined ? {} : { cause },
  );
}
