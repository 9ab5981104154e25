import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBase64, encodeBase64, encodeBase64Url } from "./base64.js";
import { refusalOf } from "./refusal.testing.js";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("base64", () => {
  // RFC 4648, section 10.
  it.each([
    ["", ""],
    ["f", "Zg=="],
    ["fo", "Zm8="],
    ["foo", "Zm9v"],
    ["foob", "Zm9vYg=="],
    ["fooba", "Zm9vYmE="],
    ["foobar", "Zm9vYmFy"],
  ])("writes and reads %j as %j", (plain, text) => {
    expect(encodeBase64(ascii(plain))).toBe(text);
    expect(decodeBase64(text)).toEqual(ascii(plain));
    expect(encodeBase64Url(ascii(plain))).toBe(text.replaceAll("=", ""));
    expect(decodeBase64(text.replaceAll("=", ""), { url: true })).toEqual(ascii(plain));
  });

  it.each([
    ["without its padding", "Zg"],
    ["with half its padding", "Zg="],
    ["with too much padding", "Zg==="],
    ["of padding alone", "===="],
    ["with padding in the middle", "Zg==Zm9v"],
    ["with three padding characters", "Z==="],
    ["with non-zero bits after the last byte", "Zh=="],
    ["with non-zero bits after the last two bytes", "Zm9="],
    ["with a line break", "Zm9v\nZm9v"],
    ["with a trailing line break", "Zm9v\n"],
    ["with a space", "Zm 9v"],
    ["in the URL alphabet", "-_-_"],
    ["with characters beyond ASCII", "Zm9é"],
    ["with a NUL", "Zm9\0"],
  ])("refuses a text %s", (_, text) => {
    expect(refusalOf(() => decodeBase64(text))).toBe("BASE64");
  });

  it.each([
    ["with padding", "Zg=="],
    ["in the standard alphabet", "+/+/"],
    ["that cannot be whole bytes", "Zm9vY"],
    ["with non-zero bits after the last byte", "Zh"],
    ["with a line break", "Zm9v\n"],
  ])("as URL text refuses one %s", (_, text) => {
    expect(refusalOf(() => decodeBase64(text, { url: true }))).toBe("BASE64");
  });

  it("agrees with another implementation on all bytes, and comes back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = encodeBase64(bytes);
        const url = encodeBase64Url(bytes);
        expect(text).toBe(Buffer.from(bytes).toString("base64"));
        expect(url).toBe(Buffer.from(bytes).toString("base64url"));
        expect(decodeBase64(text)).toEqual(new Uint8Array(bytes));
        expect(decodeBase64(url, { url: true })).toEqual(new Uint8Array(bytes));
      }),
    );
  });

  it("has one text for any bytes: whatever decodes is what encoding gives", () => {
    const near = fc.string({ unit: fc.constantFrom(..."AZaz09+/-_=g \n"), maxLength: 12 });
    fc.assert(
      fc.property(fc.oneof(near, fc.string({ unit: "binary" })), fc.boolean(), (text, url) => {
        const encode = url ? encodeBase64Url : encodeBase64;
        let bytes: Uint8Array;
        try {
          bytes = decodeBase64(text, { url });
        } catch {
          expect(refusalOf(() => decodeBase64(text, { url }))).toBe("BASE64");
          return;
        }
        expect(encode(bytes)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });
});
