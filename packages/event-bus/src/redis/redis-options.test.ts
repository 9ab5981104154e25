import { describe, expect, it } from "vitest";
import { vectors } from "../vectors.testing.js";
import { type RedisStreamsOptions, redisStreams } from "./redis-adapter.js";

const names: Readonly<Record<string, keyof RedisStreamsOptions>> = {
  redis_url: "url",
  redis_command_timeout_ms: "commandTimeoutMs",
  redis_connect_timeout_ms: "connectTimeoutMs",
};

describe("the options of Redis Streams", () => {
  it("are refused where the reference refuses them", () => {
    let checked = 0;
    for (const { kwargs, ok } of vectors.constructor) {
      if (!("redis_url" in kwargs) || !Object.keys(kwargs).every((name) => name in names)) continue;
      const options = Object.fromEntries(
        Object.entries(kwargs).map(([name, value]) => [names[name] as string, value]),
      ) as unknown as RedisStreamsOptions;
      checked += 1;
      expect(ok).toBe(false);
      expect(() => redisStreams(options), JSON.stringify(kwargs)).toThrow(
        expect.objectContaining({ code: "INVALID_OPTION" }),
      );
    }
    expect(checked).toBe(4);
  });

  it("may name any prefix, also none", () => {
    const url = "redis://127.0.0.1:1";
    expect(redisStreams({ url }).keyOf(0)).toBe("net:shard:0");
    expect(redisStreams({ url, prefix: "" }).keyOf(7)).toBe(":shard:7");
  });

  it("are checked before anything is reached", () => {
    const url = "redis://127.0.0.1:1";
    for (const options of [{ url: [] }, { url: [url, ""] }, { url, maxStreamLength: -1 }]) {
      expect(() => redisStreams(options)).toThrow(
        expect.objectContaining({ code: "INVALID_OPTION" }),
      );
    }
  });
});
