import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CapabilitySet } from "./capability-set.js";
import { textOf, utf8 } from "./capability-vectors.testing.js";
import { NetCapabilityError } from "./net-capability-error.js";
import { decodePredicate, encodePredicate, type PredicateNode } from "./predicate.js";
import { matchesPredicate } from "./predicate-match.js";

const set = CapabilitySet.of(
  [
    "hardware.gpu",
    "hardware.memory_gb=64",
    "hardware.memory_gb:16",
    "hardware.load=1e-1",
    "hardware.odd= 5",
    "software.os=linux",
    "software.v=2.5.1-rc1",
    "software.zero=0.3.7",
    "software.tiny=0.0.4+build",
    "software.bad=1.2.3.4",
  ],
  [
    ["app", "billing"],
    ["slots", "12"],
  ],
);
const hardware = (key: string) => ({ axis: "hardware", key }) as const;
const software = (key: string) => ({ axis: "software", key }) as const;

function holds(...nodes: readonly PredicateNode[]): boolean {
  const predicate = decodePredicate(encodePredicate({ nodes, root: nodes.length - 1 }));
  return matchesPredicate(set, predicate);
}

describe("a predicate", () => {
  it.each<[PredicateNode, boolean]>([
    [{ kind: "exists", key: hardware("gpu") }, true],
    [{ kind: "exists", key: hardware("memory_gb") }, true],
    [{ kind: "exists", key: hardware("mem") }, false],
    [{ kind: "exists", key: software("gpu") }, false],
    [{ kind: "equals", key: software("os"), value: "linux" }, true],
    [{ kind: "equals", key: hardware("gpu"), value: "" }, false],
    [{ kind: "equals", key: hardware("memory_gb"), value: "16" }, true],
    [{ kind: "numeric_at_least", key: hardware("memory_gb"), threshold: 64 }, true],
    [{ kind: "numeric_at_least", key: hardware("memory_gb"), threshold: 64.5 }, false],
    [{ kind: "numeric_at_most", key: hardware("memory_gb"), threshold: 16 }, true],
    [{ kind: "numeric_at_most", key: hardware("load"), threshold: 0.1 }, true],
    [{ kind: "numeric_at_most", key: hardware("odd"), threshold: 100 }, false],
    [{ kind: "numeric_at_least", key: hardware("gpu"), threshold: 0 }, false],
    [{ kind: "numeric_in_range", key: hardware("memory_gb"), min: 10, max: 20 }, true],
    [{ kind: "numeric_in_range", key: hardware("memory_gb"), min: 17, max: 63 }, false],
    [{ kind: "string_prefix", key: software("os"), prefix: "lin" }, true],
    [{ kind: "string_prefix", key: software("os"), prefix: "in" }, false],
    [{ kind: "string_matches", key: software("os"), pattern: "inu" }, true],
    [{ kind: "semver_at_least", key: software("v"), version: "2.5" }, true],
    [{ kind: "semver_at_least", key: software("v"), version: "2.5.2" }, false],
    [{ kind: "semver_at_most", key: software("v"), version: "2.5.1" }, true],
    [{ kind: "semver_compatible", key: software("v"), version: "2" }, true],
    [{ kind: "semver_compatible", key: software("v"), version: "1.9" }, false],
    [{ kind: "semver_compatible", key: software("zero"), version: "0.3.1" }, true],
    [{ kind: "semver_compatible", key: software("zero"), version: "0.2.9" }, false],
    [{ kind: "semver_compatible", key: software("tiny"), version: "0.0.4" }, true],
    [{ kind: "semver_compatible", key: software("tiny"), version: "0.0.3" }, false],
    [{ kind: "semver_at_least", key: software("bad"), version: "0" }, false],
    [{ kind: "semver_at_least", key: software("v"), version: "v1" }, false],
    [{ kind: "metadata_exists", key: "app" }, true],
    [{ kind: "metadata_exists", key: "toString" }, false],
    [{ kind: "metadata_equals", key: "app", value: "billing" }, true],
    [{ kind: "metadata_matches", key: "app", pattern: "ill" }, true],
    [{ kind: "metadata_matches", key: "none", pattern: "" }, false],
    [{ kind: "metadata_numeric_at_least", key: "slots", threshold: 12 }, true],
    [{ kind: "metadata_numeric_at_least", key: "app", threshold: 0 }, false],
    [{ kind: "and", children: [] }, true],
    [{ kind: "or", children: [] }, false],
  ])("%o: %s", (node, expected) => {
    expect(holds(node)).toBe(expected);
  });

  it("combines nodes before it", () => {
    const yes: PredicateNode = { kind: "exists", key: hardware("gpu") };
    const no: PredicateNode = { kind: "exists", key: hardware("none") };
    expect(holds(yes, no, { kind: "and", children: [0, 1] })).toBe(false);
    expect(holds(yes, no, { kind: "or", children: [0, 1] })).toBe(true);
    expect(holds(no, { kind: "not", child: 0 }, { kind: "and", children: [1, 1] })).toBe(true);
  });

  it("takes no longer for nodes that share children", () => {
    const nodes: PredicateNode[] = [{ kind: "exists", key: hardware("gpu") }];
    for (let at = 0; at < 60; at += 1) nodes.push({ kind: "and", children: [at, at] });
    expect(holds(...nodes)).toBe(true);
  });

  it("is written as JSON", () => {
    const nodes: PredicateNode[] = [{ kind: "exists", key: hardware("gpu") }];
    expect(textOf(encodePredicate({ nodes, root: 0 }))).toBe(
      '{"nodes":[{"kind":"exists","key":{"axis":"hardware","key":"gpu"}}],"root_idx":0}',
    );
  });

  const leaf = '{"kind":"metadata_exists","key":"a"}';
  it.each([
    ["nothing", ""],
    ["null", "null"],
    ["no nodes", '{"root_idx":0}'],
    ["no root", `{"nodes":[${leaf}]}`],
    ["a root beyond the nodes", `{"nodes":[${leaf}],"root_idx":1}`],
    ["a root between nodes", `{"nodes":[${leaf}],"root_idx":0.5}`],
    ["an unknown kind", '{"nodes":[{"kind":"xor"}],"root_idx":0}'],
    ["an unknown axis", '{"nodes":[{"kind":"exists","key":{"axis":"x","key":"y"}}],"root_idx":0}'],
    ["a child that is its parent", '{"nodes":[{"kind":"not","child":0}],"root_idx":0}'],
    ["a child after its parent", `{"nodes":[{"kind":"or","children":[1]},${leaf}],"root_idx":0}`],
    ["a negative child", `{"nodes":[${leaf},{"kind":"not","child":-1}],"root_idx":0}`],
    [
      "a threshold in text",
      '{"nodes":[{"kind":"metadata_numeric_at_least","key":"a","threshold":"1"}],"root_idx":0}',
    ],
    ["a key that repeats", `{"nodes":[${leaf}],"root_idx":0,"root_idx":0}`],
    [
      "a leaf with two keys",
      '{"nodes":[{"kind":"metadata_exists","key":"a","key":"b"}],"root_idx":0}',
    ],
    [
      "half a surrogate pair",
      '{"nodes":[{"kind":"metadata_exists","key":"\\ud800"}],"root_idx":0}',
    ],
    ["a byte-order mark", `\ufeff{"nodes":[${leaf}],"root_idx":0}`],
    [
      "a threshold beyond all numbers",
      '{"nodes":[{"kind":"metadata_numeric_at_least","key":"a","threshold":1e400}],"root_idx":0}',
    ],
    ["4097 bytes", `{"nodes":[${leaf}],"root_idx":0}${" ".repeat(4096)}`],
  ])("is not %s", (_name, text) => {
    expect(() => decodePredicate(utf8(text))).toThrow(
      expect.objectContaining({ name: "NetCapabilityError", code: "PREDICATE" }),
    );
  });

  it("may ask for a number of any length", () => {
    const [node] = decodePredicate(
      utf8(
        '{"nodes":[{"kind":"metadata_numeric_at_least","key":"a","threshold":123456789012345678901}],"root_idx":0}',
      ),
    ).nodes;
    expect(node).toMatchObject({ threshold: 123456789012345680000 });
  });

  it("is read from any JSON or refused", () => {
    const value = fc.oneof(
      fc.json(),
      fc.json().map((nodes) => `{"nodes":[${nodes}],"root_idx":0}`),
    );
    fc.assert(
      fc.property(value, (text) => {
        try {
          decodePredicate(utf8(text));
        } catch (error) {
          expect(error).toBeInstanceOf(NetCapabilityError);
        }
      }),
    );
  });
});
