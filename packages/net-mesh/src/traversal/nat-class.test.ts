import { describe, expect, it } from "vitest";
import { classifyNat, natClassOfTags, pairAction } from "./nat-class.js";

describe("the NAT class of a node", () => {
  it("is unknown below two observations", () => {
    expect(classifyNat([], "0.0.0.0:9000")).toBe("unknown");
    expect(classifyNat(["1.2.3.4:9000"], "0.0.0.0:9000")).toBe("unknown");
  });

  it("is open when one peer saw the bound address itself", () => {
    expect(classifyNat(["1.2.3.4:9000", "1.2.3.4:7"], "1.2.3.4:9000")).toBe("open");
    expect(classifyNat(["1.2.3.4:9000", "1.2.3.4:9000"], "0.0.0.0:9000")).toBe("open");
    expect(classifyNat(["[2001:db8::1]:9000", "[2001:db8::1]:9000"], "[::]:9000")).toBe("open");
  });

  it("is cone when every peer saw one port, whatever the address", () => {
    expect(classifyNat(["9.9.9.9:40000", "9.9.9.9:40000"], "10.0.0.1:9000")).toBe("cone");
    expect(classifyNat(["9.9.9.9:40000", "9.9.9.8:40000"], "10.0.0.1:9000")).toBe("cone");
    expect(classifyNat(["1.2.3.4:9000", "1.2.3.4:9000"], "10.0.0.1:9000")).toBe("cone");
  });

  it("is symmetric when ports differ", () => {
    expect(classifyNat(["9.9.9.9:40000", "9.9.9.9:40001"], "10.0.0.1:9000")).toBe("symmetric");
  });

  it("is read from the tag a peer announces", () => {
    expect(natClassOfTags(["gpu", "nat:cone"])).toBe("cone");
    expect(natClassOfTags(["nat:Cone", "nat:", "nat:unknown"])).toBe("unknown");
    expect(natClassOfTags([])).toBe("unknown");
  });
});

describe("the way two nodes try", () => {
  it("is the table of the format", () => {
    const classes = ["open", "cone", "symmetric", "unknown"] as const;
    expect(classes.map((local) => classes.map((remote) => pairAction(local, remote)))).toEqual([
      ["direct", "direct", "punch", "direct"],
      ["direct", "punch", "punch", "punch"],
      ["punch", "punch", "skip", "skip"],
      ["direct", "punch", "skip", "direct"],
    ]);
  });
});
