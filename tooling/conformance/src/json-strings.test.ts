import { decode, encode, encodePortable, encodePortableBytes } from "@gaiaftcl/canonical-json";
import { describe, expect, test } from "vitest";
import { suiteFile } from "./json-suites.ts";

const strings = JSON.parse(suiteFile("strings", "blns.json").toString()) as readonly string[];

describe("the naughty strings", () => {
  test("are complete", () => {
    expect(strings).toHaveLength(515);
  });

  test("each come back as they were, alone and among others", () => {
    for (const text of strings) {
      const encoded = encode(text);
      expect(encoded).toBe(JSON.stringify(text));
      expect(decode(encoded, { canonical: true })).toBe(text);
      expect(encodePortable(text)).toBe(encoded);
      expect(encode({ b: [text], a: 1 })).toBe(`{"a":1,"b":[${encoded}]}`);
    }
    expect(decode(encodePortableBytes(strings), { canonical: true })).toEqual(strings);
  });

  test("each are good keys, once", () => {
    const keys = [...new Set(strings)];
    const text = encode(Object.fromEntries(keys.map((key) => [key, key])));
    expect(Object.keys(decode(text, { canonical: true }) as object).sort()).toEqual(keys.sort());
    for (const key of keys) {
      const member = `${encode(key)}:0`;
      expect(decode(`{${member}}`)).toEqual(JSON.parse(`{${member}}`));
      expect(() => decode(`{${member},${member}}`)).toThrow(/a key that the object does not have/u);
    }
  });
});
