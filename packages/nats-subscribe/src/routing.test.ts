import { connect } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { eventually, publisher, startBroker, take, watch } from "./test-cell.testing.js";

describe("two brokers", () => {
  it("each carry their own subjects, and a wide pattern takes in both", async () => {
    const [substrate, franklin] = [await startBroker(), await startBroker()];
    const urls = { substrate: substrate.url, franklin: franklin.url };
    const { subscription, statuses } = watch("gaiaftcl.>", { urls });
    await subscription.ready();
    expect(statuses.filter(({ type }) => type === "connected")).toHaveLength(2);
    (await publisher(substrate)).publish("gaiaftcl.substrate.a", "");
    (await publisher(franklin)).publish("gaiaftcl.franklin.b", "");
    const subjects = (await take(subscription, 2)).map(({ subject }) => subject);
    expect(subjects.toSorted()).toEqual(["gaiaftcl.franklin.b", "gaiaftcl.substrate.a"]);
  });

  it("are connected to only where needed", async () => {
    const [substrate, franklin] = [await startBroker(), await startBroker()];
    const urls = { substrate: substrate.url, franklin: franklin.url };
    await watch("gaiaftcl.substrate.x.sealed", { urls }).subscription.ready();
    expect([substrate.stats().connections, franklin.stats().connections]).toEqual([1, 0]);
    await watch("gaiaftcl.qc020.>", { urls }).subscription.ready();
    expect([substrate.stats().connections, franklin.stats().connections]).toEqual([1, 1]);
  });

  it("that are one are connected to once", async () => {
    const broker = await startBroker();
    const franklin = `NATS://127.0.0.1:${broker.port}/`;
    const { subscription } = watch("gaiaftcl.>", { urls: { substrate: broker.url, franklin } });
    await subscription.ready();
    expect(broker.stats().connections).toBe(1);
    const bus = await publisher(broker);
    bus.publish("gaiaftcl.substrate.a", "");
    bus.publish("gaiaftcl.b", "");
    await bus.flush();
    await take(subscription, 2);
    expect(subscription.stats()).toMatchObject({ received: 2, misdelivered: 0 });
  });

  it("do not deliver what belongs to the other", async () => {
    const [substrate, franklin] = [await startBroker(), await startBroker()];
    const urls = { substrate: substrate.url, franklin: franklin.url };
    const { subscription, statuses } = watch("gaiaftcl.>", { urls });
    await subscription.ready();
    const bus = await publisher(franklin);
    bus.publish("gaiaftcl.substrate.research_telemetry.sealed", "forged");
    bus.publish("gaiaftcl.other", "");
    expect((await take(subscription, 1))[0]?.subject).toBe("gaiaftcl.other");
    expect(subscription.stats().misdelivered).toBe(1);
    await eventually(() =>
      expect(statuses).toContainEqual({
        type: "misdelivered",
        count: 1,
        subject: "gaiaftcl.substrate.research_telemetry.sealed",
      }),
    );
  });

  it("are told who asks, and say so when they do not let it in", async () => {
    const broker = await startBroker({ token: "secret" });
    const stranger = watch("a", { urls: broker.url });
    await eventually(() => {
      expect(stranger.statuses[0]).toMatchObject({
        type: "unreachable",
        error: expect.objectContaining({ message: expect.stringMatching(/authorization/i) }),
      });
    });
    const { subscription } = watch("a", { urls: broker.url, connectOptions: { token: "secret" } });
    await subscription.ready();
    const bus = await connect({ servers: broker.url, token: "secret" });
    bus.publish("a", "");
    expect(await take(subscription, 1)).toHaveLength(1);
    await bus.close();
  });

  it("come from the environment", async () => {
    const broker = await startBroker();
    const before = { ...process.env };
    try {
      process.env["GAIAFTCL_VQBIT_NATS_URL"] = broker.url;
      process.env["GAIAFTCL_FRANKLIN_NATS_URL"] = broker.url;
      const { subscription } = watch("a", {});
      await subscription.ready();
      expect(broker.stats().connections).toBe(1);
    } finally {
      for (const name of ["GAIAFTCL_VQBIT_NATS_URL", "GAIAFTCL_FRANKLIN_NATS_URL"]) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
  });
});
