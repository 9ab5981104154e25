import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CapabilitySet } from "./capability-set.js";
import { NetCapabilityError } from "./net-capability-error.js";
import { parseTag, type Tag } from "./tag.js";
import { compareUtf8 } from "./utf8-order.js";

const wellFormed = fc.string({ unit: "binary" });

function printTag(tag: Tag, text: string): string {
  if (tag.kind === "presence") return `${tag.axis}.${tag.key}`;
  if (tag.kind === "value") return `${tag.axis}.${tag.key}${tag.separator}${tag.value}`;
  return text;
}

describe("the order of strings", () => {
  it("is that of their UTF-8 bytes", () => {
    fc.assert(
      fc.property(wellFormed, wellFormed, (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it("puts U+FFEE before U+1F600, which JavaScript does not", () => {
    expect(compareUtf8("\uffee", "😀")).toBeLessThan(0);
    expect("\uffee" < "😀").toBe(false);
  });
});

describe("a capability set", () => {
  it("has each tag once, in order, and none that is empty", () => {
    const set = CapabilitySet.of(["b", "😀", "a", "", "\uffee", "a"]);
    expect(set.tags).toEqual(["a", "b", "\uffee", "😀"]);
    expect(set.has("a")).toBe(true);
    expect(set.has("")).toBe(false);
  });

  it("writes metadata in the order of bytes, whatever keys look like", () => {
    const set = CapabilitySet.of(
      [],
      [
        ["b", "1"],
        ["10", "2"],
        ["9", "3"],
        ["__proto__", "4"],
      ],
    );
    expect(set.json).toBe('{"tags":[],"metadata":{"10":"2","9":"3","__proto__":"4","b":"1"}}');
  });

  it("refuses text without a UTF-8 form", () => {
    expect(() => CapabilitySet.of(["\ud800"])).toThrow(NetCapabilityError);
    expect(() => CapabilitySet.of([], [["a", "\udc00"]])).toThrow(NetCapabilityError);
  });

  it("equals a set of the same contents", () => {
    expect(CapabilitySet.of(["a", "b"]).equals(CapabilitySet.of(["b", "a"]))).toBe(true);
    expect(CapabilitySet.of(["a"]).equals(CapabilitySet.of(["a"], [["k", "v"]]))).toBe(false);
  });
});

describe("a tag", () => {
  it.each([
    ["causal:00ff:12", { kind: "reserved", prefix: "causal:" }],
    ["fork-of:a", { kind: "reserved", prefix: "fork-of:" }],
    ["heat:00=1", { kind: "reserved", prefix: "heat:" }],
    ["scope:", { kind: "reserved", prefix: "scope:" }],
    ["hardware.gpu", { kind: "presence", axis: "hardware", key: "gpu" }],
    ["hardware.", { kind: "presence", axis: "hardware", key: "" }],
    ["devices.a:b=c", { kind: "value", axis: "devices", key: "a", separator: ":", value: "b=c" }],
    ["dataforts.a=", { kind: "value", axis: "dataforts", key: "a", separator: "=", value: "" }],
    ["software", { kind: "plain" }],
    ["unknown.axis=1", { kind: "plain" }],
    ["Hardware.gpu", { kind: "plain" }],
  ])("%s", (text, tag) => {
    expect(parseTag(text)).toEqual(tag);
  });

  it("prints back to the same text", () => {
    const axis = fc.constantFrom("hardware.", "software.", "devices.", "dataforts.", "scope:", "");
    fc.assert(
      fc.property(axis, wellFormed, (prefix, rest) => {
        const text = prefix + rest;
        expect(printTag(parseTag(text), text)).toBe(text);
      }),
    );
  });
});
