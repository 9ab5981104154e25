import type { RowRecord } from "@gaiaftcl/sealed-row";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** An event read the short way. */
export interface EventText {
  readonly table: unknown;
  /** An object, as yet unchecked. */
  readonly row: Record<string, RowRecord[string]>;
}

/**
 * Reads an event whose text is exactly what writing down its value gives again. Then the value is
 * all there is to the text: no member stands twice, no number lost a digit, nothing is between or
 * after. Several times as fast as looking at each character; any other text is `undefined`, and left
 * to `decodeEvent`.
 */
export function readEventText(payload: Uint8Array): EventText | undefined {
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(payload);
    // Half a surrogate pair, which is written as this escape, is well-formed to JSON alone.
    if (text.includes("\\ud")) return undefined;
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value) || !isObject(value["row"])) return undefined;
  if (Object.keys(value).length !== 2 || !Object.hasOwn(value, "table")) return undefined;
  if (JSON.stringify(value) !== text) return undefined;
  return { table: value["table"], row: value["row"] as Record<string, RowRecord[string]> };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
