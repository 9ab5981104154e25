import { freePort, NatsServer, until } from "@gaiaftcl/peers";
import { decodeEvent, verifyRow } from "@gaiaftcl/sealed-row";
import { connect } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { DaemonProcess, privateBrokers, records, TestHome } from "./cell-process.ts";

describe("the walk of gaiaftcl dev", () => {
  it.each(["embedded brokers", "a real nats-server"])("holds on %s", async (kind) => {
    await using home = await TestHome.make();
    await using server = kind === "a real nats-server" ? await NatsServer.run() : undefined;
    const env =
      server === undefined
        ? await privateBrokers()
        : { GAIAFTCL_NATS_URL: server.url, GAIAFTCL_FRANKLIN_NATS_URL: server.url };
    const { code, stdout, stderr } = await home.gaiaftcl(["--json", "dev", "--once"], env);
    expect(stderr).toBe("");
    const steps = records(stdout).filter(({ kind: each }) => each === "step");
    expect(steps.filter(({ derived }) => (derived as { ok: boolean }).ok)).toHaveLength(
      steps.length,
    );
    expect(steps.length).toBeGreaterThanOrEqual(9);
    expect(code).toBe(0);
    const cell = records(stdout).find(({ kind: each }) => each === "cell");
    expect(cell?.["derived"]).toMatchObject({
      persists: false,
      embedded_brokers: kind === "a real nats-server" ? [] : ["substrate", "franklin"],
    });
  });
});

describe("a broker that is down for a while", () => {
  it("delays events, and none is lost or doubled for a subscriber that removes duplicates", async () => {
    await using home = await TestHome.make();
    const port = await freePort();
    const url = `nats://127.0.0.1:${port}`;
    const env = { GAIAFTCL_NATS_URL: url, GAIAFTCL_FRANKLIN_NATS_URL: url };
    await using first = await NatsServer.run({ port });
    await using _daemon = await DaemonProcess.start(home, env);
    await using client = await home.connect();
    const received: string[] = [];
    const connection = await connect({ servers: url, maxReconnectAttempts: -1 });
    try {
      connection.subscribe("gaiaftcl.franklin.command.sealed", {
        callback: (_error, message) => {
          const { table, row } = decodeEvent(message.data);
          expect(verifyRow(table, row).ok).toBe(true);
          received.push(String(row["witness_hash_sha256"]));
        },
      });
      await connection.flush();
      const answered: string[] = [];
      const ask = async (count: number): Promise<void> => {
        for (let index = 0; index < count; index += 1) {
          answered.push((await client.franklinAuthorityShow()).seal.witnessHash);
        }
      };
      await ask(50);
      await first.kill();
      await ask(50);
      const composed = await client.composeQc020Measurement({ noncesPerExtranonce: 256 });
      expect(composed.outcome.status).toBe("blocked");
      answered.push(composed.seal.witnessHash);
      await first.start();
      await ask(50);
      await until("every event to arrive", () => answered.every((hash) => received.includes(hash)));
      // In order, once each, after removing duplicates.
      expect([...new Set(received)]).toEqual(answered);
    } finally {
      await connection.close();
    }
  });

  it("at the start keeps nothing else from working", async () => {
    await using home = await TestHome.make();
    const url = `nats://127.0.0.1:${await freePort()}`;
    // A URL with credentials is never served by an embedded broker.
    const away = url.replace("nats://", "nats://user:secret@");
    const env = { GAIAFTCL_NATS_URL: away, GAIAFTCL_FRANKLIN_NATS_URL: away };
    await using _daemon = await DaemonProcess.start(home, env);
    await using client = await home.connect();
    expect((await client.franklinAuthorityShow()).outcome.status).toBe("ok");
    expect((await client.replaySession("none")).outcome).toMatchObject({
      status: "blocked",
      code: "BROKER_UNAVAILABLE",
    });
  });
});
