import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { brokerFor, brokersFor, brokerUrls } from "./index.js";

describe("the brokers of a cell", () => {
  it("stand on two loopback ports unless the environment says otherwise", () => {
    const standard = { substrate: "nats://127.0.0.1:4222", franklin: "nats://127.0.0.1:4223" };
    expect(brokerUrls({})).toEqual(standard);
    const empty = {
      GAIAFTCL_VQBIT_NATS_URL: "",
      GAIAFTCL_NATS_URL: "",
      GAIAFTCL_FRANKLIN_NATS_URL: "",
    };
    expect(brokerUrls(empty)).toEqual(standard);
  });

  it("take the substrate's URL from the specific variable before the general one", () => {
    const general = { GAIAFTCL_NATS_URL: "nats://127.0.0.1:1" };
    expect(brokerUrls(general).substrate).toBe("nats://127.0.0.1:1");
    expect(brokerUrls(general).franklin).toBe("nats://127.0.0.1:4223");
    const both = { ...general, GAIAFTCL_VQBIT_NATS_URL: "nats://127.0.0.1:2" };
    expect(brokerUrls(both).substrate).toBe("nats://127.0.0.1:2");
  });

  it("may be one server", () => {
    const url = "nats://127.0.0.1:7";
    const env = { GAIAFTCL_NATS_URL: url, GAIAFTCL_FRANKLIN_NATS_URL: url };
    expect(brokerUrls(env)).toEqual({ substrate: url, franklin: url });
  });

  it("divide the subjects by their prefix", () => {
    expect(brokerFor("gaiaftcl.substrate.franklin_heartbeat.sealed")).toBe("substrate");
    expect(brokerFor("gaiaftcl.substrate.command.replay_session")).toBe("substrate");
    expect(brokerFor("gaiaftcl.qc020.substrate.joint_variation_evidence.sealed")).toBe("franklin");
    expect(brokerFor("gaiaftcl.franklin.command.sealed")).toBe("franklin");
    expect(brokerFor("gaiaftcl.substrate")).toBe("franklin");
    expect(brokerFor("gaiaftcl.substrates.x")).toBe("franklin");
  });

  it.each([
    ["gaiaftcl.substrate.>", ["substrate"]],
    ["gaiaftcl.substrate.*.sealed", ["substrate"]],
    ["gaiaftcl.substrate.*", ["substrate"]],
    [">", ["substrate", "franklin"]],
    ["gaiaftcl.>", ["substrate", "franklin"]],
    ["*.substrate.>", ["substrate", "franklin"]],
    ["gaiaftcl.*.command", ["substrate", "franklin"]],
    ["gaiaftcl.*", ["franklin"]],
    ["*", ["franklin"]],
    ["gaiaftcl.franklin.>", ["franklin"]],
    ["other.>", ["franklin"]],
  ])("a subscription to %s has to be made at %j", (pattern, brokers) => {
    expect(brokersFor(pattern)).toEqual(brokers);
  });

  it("never miss a subject that a pattern matches", () => {
    const token = fc.constantFrom("gaiaftcl", "substrate", "x");
    const subject = fc.array(token, { minLength: 1, maxLength: 4 });
    const wild = fc.array(fc.boolean(), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(subject, wild, fc.nat(4), (tokens, stars, cut) => {
        const starred = tokens.map((text, index) => (stars[index] === true ? "*" : text));
        const pattern = cut < tokens.length ? [...starred.slice(0, cut), ">"] : starred;
        const literal = tokens.join(".");
        expect(brokersFor(pattern.join("."))).toContain(brokerFor(literal));
        expect(brokersFor(literal)).toEqual([brokerFor(literal)]);
      }),
    );
  });
});
