import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decode, encode, encodePortable, type JsonValue } from "./index.js";

interface FrameVector {
  readonly value: JsonValue;
  readonly canonical_hex: string;
  readonly frame_hex: string;
}

const vectors: readonly FrameVector[] = JSON.parse(
  readFileSync(new URL("../vectors/frames.json", import.meta.url), "utf8"),
);

describe.each(vectors)("the published frame $canonical_hex", (vector) => {
  const bytes = Buffer.from(vector.canonical_hex, "hex");

  test("is what both encoders produce", () => {
    expect(encode(vector.value)).toBe(bytes.toString());
    expect(encodePortable(vector.value)).toBe(bytes.toString());
  });

  test("decodes to its value and passes as canonical", () => {
    expect(decode(bytes, { canonical: true })).toEqual(vector.value);
  });
});
