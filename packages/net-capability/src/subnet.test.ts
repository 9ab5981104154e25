import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CapabilitySet } from "./capability-set.js";
import { vectors } from "./capability-vectors.testing.js";
import { NetCapabilityError } from "./net-capability-error.js";
import {
  GLOBAL_SUBNET,
  isVisible,
  subnetDepth,
  subnetLevels,
  subnetOfLevels,
  type Visibility,
} from "./subnet.js";
import { assignSubnet, readSubnetPolicy } from "./subnet-policy.js";

const CODES: Readonly<Record<string, string>> = {
  IdentityError: "SUBNET",
  TypeError: "TYPE",
  OverflowError: "RANGE",
};

describe("the subnet of a peer", () => {
  const policy = readSubnetPolicy(vectors.subnets.policy);

  it.each(vectors.subnets.cases)(
    "publisher $publisher_subnet, peer $peer_tags",
    ({ publisher_subnet, peer_tags, derived_levels, derived_u32, subscribe_allowed }) => {
      const publisher = publisher_subnet === null ? 0 : subnetOfLevels(publisher_subnet);
      const subscriber = assignSubnet(policy, CapabilitySet.of(peer_tags ?? []).tags);
      expect(subscriber).toBe(derived_u32);
      expect(subnetLevels(subscriber)).toEqual(derived_levels);
      for (const [visibility, allowed] of Object.entries(subscribe_allowed)) {
        expect(isVisible(visibility as Visibility, publisher, subscriber)).toBe(allowed);
      }
    },
  );

  it("is set by an empty prefix too, by any class of tag", () => {
    const rules = [{ tag_prefix: "", level: 2, values: { "scope:tenant:a": 5 } }];
    expect(assignSubnet(readSubnetPolicy({ rules }), ["scope:tenant:a"])).toBe(0x0500);
  });

  it("packs and unpacks", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(255), { minLength: 1, maxLength: 4 }), (levels) => {
        const four = [...levels, 0, 0, 0].slice(0, 4);
        expect(subnetLevels(subnetOfLevels(levels))).toEqual(four);
        expect(subnetDepth(subnetOfLevels(levels))).toBe(four.findLastIndex((l) => l > 0) + 1);
      }),
    );
    expect(subnetOfLevels([0])).toBe(GLOBAL_SUBNET);
    expect(subnetOfLevels([255, 255, 255, 255])).toBe(0xffff_ffff);
  });

  it("that is visible locally is visible to parents, and to all", () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff), (a, b) => {
        expect(isVisible("global", a, b)).toBe(true);
        expect(isVisible("exported", a, b)).toBe(false);
        expect(isVisible("parent-visible", a, GLOBAL_SUBNET)).toBe(true);
        expect(isVisible("parent-visible", a, a)).toBe(true);
        if (isVisible("subnet-local", a, b)) expect(isVisible("parent-visible", a, b)).toBe(true);
      }),
    );
  });
});

describe("what is no subnet and no policy is refused in the reference's words", () => {
  const constructions = vectors.subnets.constructor_errors.filter(
    ({ kwargs }) => "subnet" in kwargs || "subnet_policy" in kwargs,
  );
  it.each(constructions)("$kwargs", ({ kwargs, result }) => {
    const construct = (): unknown =>
      "subnet" in kwargs
        ? subnetOfLevels(kwargs["subnet"] as number[])
        : readSubnetPolicy(kwargs["subnet_policy"]);
    if (result.error === undefined) {
      expect(construct).not.toThrow();
      return;
    }
    expect(construct).toThrow(NetCapabilityError);
    expect(construct).toThrow(
      expect.objectContaining({
        code: CODES[result.error],
        message: expect.stringMatching(`^${escapePattern(result.message ?? "")}`),
      }),
    );
  });

  it.each([
    [1, "TYPE", "argument 'subnet': 'int' object is not an instance of 'Sequence'"],
    ["ab", "TYPE", "argument 'subnet': Can't extract `str` to `Vec`"],
    [["a"], "TYPE", "argument 'subnet': 'str' object cannot be interpreted as an integer"],
    [[1.5], "TYPE", "argument 'subnet': 'float' object cannot be interpreted as an integer"],
    [[2 ** 32], "RANGE", "out of range integral type conversion attempted"],
    [[2 ** 31], "SUBNET", "identity: subnet: level 0 value 2147483648 exceeds u8 range"],
  ])("subnet %j", (levels, code, message) => {
    expect(() => subnetOfLevels(levels as number[])).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });

  const rule = (extra: object): object => ({ rules: [{ tag_prefix: "a", level: 0, ...extra }] });
  it.each([
    [1, "TYPE", "argument 'subnet_policy': 'int' object is not an instance of 'dict'"],
    [rule({ tag_prefix: 1 }), "TYPE", "'int' object is not an instance of 'str'"],
    [rule({ tag_prefix: null }), "TYPE", "'None' is not an instance of 'str'"],
    [rule({ level: null }), "TYPE", "'NoneType' object cannot be interpreted as an integer"],
    [rule({ level: -1 }), "RANGE", "out of range integral type conversion attempted"],
    [rule({ level: 256 }), "SUBNET", "identity: subnet: rule level value 256 exceeds u8 range"],
    [rule({ level: 255 }), "SUBNET", "identity: subnet: rule level must be 0..=3, got 255"],
    [rule({ values: { x: -1 } }), "RANGE", "out of range integral type conversion attempted"],
    [
      rule({ values: { 'q"\né\u0001': 0 } }),
      "SUBNET",
      'identity: subnet: rule value for "q\\"\\né\\u{1}" must be in 1..=255 (0 is reserved)',
    ],
    [
      rule({ values: { "a b\u200b\u0301\u00a0\u{1f600}\u{e0001}": 0 } }),
      "SUBNET",
      'identity: subnet: rule value for "a b\\u{200b}\\u{301}\\u{a0}\u{1f600}\\u{e0001}" must be in 1..=255 (0 is reserved)',
    ],
  ])("%j", (policy, code, message) => {
    expect(() => readSubnetPolicy(policy)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
