import { SCOPE } from "@gaiaftcl/net-identity";
import { describe, expect, it } from "vitest";
import { publisher, stranger, subscriber, TestHost, tokenOf } from "./host.testing.js";
import { vectors } from "./vectors.testing.js";

const node = subscriber.nodeId;

function gatedHost(options: object = {}): TestHost {
  const test = new TestHost();
  test.host.registry.register("gated", { requireToken: true, ...options });
  return test;
}

describe("the order of a decision", () => {
  it("asks for the channel before the subnet, and for the subnet before the rest", () => {
    const test = gatedHost({ visibility: "subnet-local" });
    test.peers.hidden.add(node);
    expect(test.subscribe(node, "unregistered")).toBe("unknown_channel");
    expect(test.subscribe(node, "gated")).toBe("unauthorized");
    test.host.registry.register("open", { visibility: "subnet-local" });
    expect(test.subscribe(node, "open")).toBe("unauthorized");
    test.peers.hidden.clear();
    expect(test.subscribe(node, "open")).toBe("ok");
  });

  it("asks for capabilities, known or not, of an entity known or not", () => {
    const test = new TestHost();
    test.host.registry.register("able", { subscribeCaps: "gpu" });
    expect(test.subscribe(node, "able")).toBe("unauthorized");
    test.peers.capabilities.set(node, "gpu");
    expect(test.subscribe(node, "able")).toBe("ok");
    test.meet(subscriber);
    expect(test.subscribe(node, "able")).toBe("ok");
    test.peers.capabilities.clear();
    expect(test.subscribe(node, "able")).toBe("unauthorized");
    expect(test.recipients("able")).toEqual([node]);
  });

  it("asks for capabilities and a token where both are wanted", () => {
    const test = gatedHost({ subscribeCaps: "gpu" });
    test.meet(subscriber);
    const token = tokenOf(publisher, subscriber).bytes;
    expect(test.subscribe(node, "gated", { token })).toBe("unauthorized");
    expect(test.host.tokens.size).toBe(0);
    test.peers.capabilities.set(node, "gpu");
    expect(test.subscribe(node, "gated")).toBe("unauthorized");
    expect(test.subscribe(node, "gated", { token })).toBe("ok");
  });

  it("asks nothing of subscribers where only the publisher needs capabilities", () => {
    const test = new TestHost();
    test.host.registry.register("able", { publishCaps: "gpu" });
    expect(test.subscribe(node, "able")).toBe("ok");
    expect(() => test.recipients("able")).toThrow(
      expect.objectContaining({ code: "PUBLISH_DENIED" }),
    );
    test.peers.own = "gpu";
    expect(test.recipients("able")).toEqual([node]);
  });

  it("lets a node on as many channels as in Net, and then only on those it holds", () => {
    const { accepted, the_1025th, resubscribe_at_the_cap } = vectors.channel_cap_per_peer;
    const test = new TestHost();
    for (let n = 0; n <= accepted; n++) test.host.registry.register(`c/${n}`);
    for (let n = 0; n < accepted; n++) expect(test.subscribe(node, `c/${n}`)).toBe("ok");
    expect(test.subscribe(node, `c/${accepted}`)).toBe(the_1025th.reason);
    expect(test.subscribe(node, "unregistered")).toBe("too_many_channels");
    expect(test.subscribe(node, "c/0")).toBe(resubscribe_at_the_cap.reason);
    expect(test.subscribe(stranger.nodeId, `c/${accepted}`)).toBe("ok");
    test.unsubscribe(node, "c/5");
    expect(test.subscribe(node, `c/${accepted}`)).toBe("ok");
    expect(test.host.stats.failing).toBe(0);
  });
});

describe("a subscriber that fell silent", () => {
  const silent = (...channels: readonly string[]): TestHost => {
    const test = gatedHost();
    test.host.installToken(tokenOf(publisher, publisher, { scope: SCOPE.publish }));
    test.meet(subscriber);
    for (const channel of channels) {
      test.host.registry.register(channel, channel === "gated" ? { requireToken: true } : {});
      const token = channel === "gated" ? { token: tokenOf(publisher, subscriber).bytes } : {};
      expect(test.subscribe(node, channel, token)).toBe("ok");
    }
    test.host.suspend(node);
    for (const channel of channels) expect(test.recipients(channel)).toEqual([]);
    return test;
  };

  it("is on its channels again when it speaks", () => {
    const test = silent("a", "b", "gated");
    expect(test.host.resume(node)).toBe(3);
    for (const channel of ["a", "b", "gated"]) expect(test.recipients(channel)).toEqual([node]);
    expect(test.host.resume(node)).toBe(0);
  });

  it("is not where it left meanwhile, and once where it came anew", () => {
    const test = silent("a", "b");
    test.unsubscribe(node, "a");
    expect(test.subscribe(node, "b")).toBe("ok");
    expect(test.host.resume(node)).toBe(0);
    expect(test.recipients("a")).toEqual([]);
    expect(test.recipients("b")).toEqual([node]);
  });

  it("gets nothing by a token that has lapsed", () => {
    const test = silent("gated");
    test.host.installToken(
      tokenOf(publisher, publisher, { scope: SCOPE.publish, notAfter: 2n ** 40n }),
    );
    test.host.resume(node);
    expect(test.recipients("gated")).toEqual([node]);
    test.pass(601_000);
    expect(test.recipients("gated")).toEqual([]);
  });

  it("has to come anew when it is gone, or began anew", () => {
    const gone = silent("a");
    gone.host.forget(node);
    expect(gone.host.resume(node)).toBe(0);
    const anew = silent("a");
    anew.host.dropSuspended(node);
    expect(anew.host.resume(node)).toBe(0);
    expect(anew.recipients("a")).toEqual([]);
  });
});

describe("throttling", () => {
  it("starts with the sixteenth failure and lasts thirty seconds", () => {
    const test = gatedHost();
    test.host.registry.register("open");
    for (let n = 0; n < 16; n++) {
      const channel = n % 2 === 0 ? "gated" : "unregistered";
      expect(test.subscribe(node, channel)).not.toBe("rate_limited");
    }
    expect(test.subscribe(node, "open")).toBe("rate_limited");
    expect(test.subscribe(stranger.nodeId, "open")).toBe("ok");
    test.pass(29_999);
    expect(test.subscribe(node, "open")).toBe("rate_limited");
    test.pass(1);
    for (let n = 0; n < 15; n++) expect(test.subscribe(node, "gated")).toBe("unauthorized");
    expect(test.subscribe(node, "open")).toBe("ok");
  });

  it("counts within sixty seconds of the first failure, and starts over after a success", () => {
    const test = gatedHost();
    test.host.registry.register("open");
    for (let n = 0; n < 15; n++) test.subscribe(node, "gated");
    test.pass(60_000);
    for (let n = 0; n < 15; n++) test.subscribe(node, "gated");
    expect(test.subscribe(node, "open")).toBe("ok");
    for (let n = 0; n < 15; n++) test.subscribe(node, "gated");
    expect(test.subscribe(node, "open")).toBe("ok");
  });

  it("still lets a node leave", () => {
    const test = new TestHost();
    test.host.registry.register("open");
    test.subscribe(node, "open");
    for (let n = 0; n < 17; n++) test.subscribe(node, "unregistered");
    test.unsubscribe(node, "open");
    expect(test.recipients("open")).toEqual([]);
  });

  it("remembers no more nodes than it may", () => {
    const test = new TestHost({
      throttle: { failures: 2, windowMs: 10, throttleMs: 10, nodes: 2 },
    });
    for (const each of [1n, 1n, 2n, 3n]) test.subscribe(each, "unregistered");
    expect(test.host.stats.failing).toBe(2);
    expect(test.subscribe(1n, "unregistered")).toBe("unknown_channel");
    test.now = 30_000;
    test.host.tick(test.now, test.wallClock);
    expect(test.host.stats.failing).toBe(0);
  });
});
