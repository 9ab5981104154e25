import { describe, expect, it } from "vitest";
import { FailureDetector } from "./failure-detector.js";

describe("the failure detector", () => {
  it("suspects after two timeouts of silence and gives up after three", () => {
    const detector = new FailureDetector(100);
    detector.watch(1n, 0);
    expect(detector.evaluate(199)).toEqual([]);
    expect(detector.evaluate(200)).toEqual([{ nodeId: 1n, from: "healthy", to: "suspected" }]);
    expect(detector.evaluate(299)).toEqual([]);
    expect(detector.evaluate(300)).toEqual([{ nodeId: 1n, from: "suspected", to: "failed" }]);
    expect(detector.health(1n)).toBe("failed");
  });

  it("takes a failed peer back when it speaks", () => {
    const detector = new FailureDetector(100);
    detector.watch(1n, 0);
    detector.evaluate(1000);
    expect(detector.heard(1n, 1001)).toEqual({ nodeId: 1n, from: "failed", to: "healthy" });
    expect(detector.heard(1n, 1002)).toBeUndefined();
    expect(detector.evaluate(1101)).toEqual([]);
  });

  it("judges only peers it watches", () => {
    const detector = new FailureDetector(100);
    detector.watch(1n, 0);
    detector.forget(1n);
    expect(detector.evaluate(1000)).toEqual([]);
    expect(detector.heard(2n, 0)).toBeUndefined();
    expect(detector.health(1n)).toBeUndefined();
  });
});
