import { EventBus } from "@gaiaftcl/event-bus";
import { redisStreams } from "@gaiaftcl/event-bus/redis";
import { createClient } from "@redis/client";
import { describe, expect, it } from "vitest";
import { durableRedis } from "./event-bus-peers.ts";

const texts = Array.from({ length: 300 }, (_, i) => `{"token": "tök_${i % 17}", "index": ${i}}`);

describe("a Redis Stream", () => {
  it("holds the same whether a batch was written by a script or by a transaction", async () => {
    await using redis = await durableRedis();
    const client = createClient({ url: redis.url });
    await client.connect();
    const shapes: unknown[] = [];
    const open = (prefix: string, scripts: boolean, user: string): EventBus => {
      const url = redis.url.replace("redis://", `redis://${user}`);
      const adapter = redisStreams({ url, prefix, scripts, maxStreamLength: 1_000 });
      return new EventBus({ numShards: 2, adapter });
    };
    await client.sendCommand(
      "ACL SETUSER noscripts on >secret ~* &* +@all -eval -evalsha -script".split(" "),
    );
    const cases = [
      [true, ""],
      [false, ""],
      [true, "noscripts:secret@"],
    ] as const;
    for (const [i, [scripts, user]] of cases.entries()) {
      const prefix = `t${i}`;
      await client.scriptFlush();
      const bus = open(prefix, scripts, user);
      for (let batch = 0; batch < 3; batch += 1) {
        bus.ingestRawBatch(texts.slice(batch * 100, (batch + 1) * 100));
        await bus.flush();
      }
      expect(bus.stats()).toMatchObject({ delivered: 300, retries: 0 });
      const entries = (await client.xRange(`${prefix}:shard:0`, "-", "+")) ?? [];
      shapes.push(
        entries.map(({ message }) => [
          Object.keys(message),
          message["d"]?.replace(/"t":[0-9]+/, ""),
          message["dedup_id"]?.replace(bus.nonce, ""),
        ]),
      );
      await bus.close();
    }
    client.destroy();
    expect(shapes[1]).toEqual(shapes[0]);
    expect(shapes[2]).toEqual(shapes[0]);
  });
});
