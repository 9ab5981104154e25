import { describe, expect, it } from "vitest";
import { NetMeshError } from "../net-mesh-error.js";
import { meshTuning } from "./mesh-config.js";

describe("the tuning of a node", () => {
  it("has the reference's defaults where nothing is given", () => {
    expect(meshTuning({})).toMatchObject({
      heartbeatIntervalMs: 5000,
      sessionTimeoutMs: 30_000,
      handshakeTimeoutMs: 5000,
      handshakeRetries: 3,
      capabilityGcIntervalMs: 60_000,
      requireSignedCapabilities: true,
      requireStrict: false,
    });
    expect(meshTuning({ heartbeatIntervalMs: 100 }).heartbeatIntervalMs).toBe(100);
  });

  it.each([
    { heartbeatIntervalMs: 9 },
    { sessionTimeoutMs: 0.5 },
    { handshakeRetries: 0 },
    { maxPeers: Number.NaN },
    { sendBuffer: 2 ** 31 },
    { requireStrict: "yes" as unknown as boolean },
    { relayedPerSource: "5" as unknown as number },
  ])("refuses %j and names the option", (given) => {
    const [name] = Object.keys(given);
    expect(() => meshTuning(given)).toThrow(NetMeshError);
    expect(() => meshTuning(given)).toThrow(String(name));
  });
});
