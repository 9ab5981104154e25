import { describe, expect, it } from "vitest";
import { ChannelHost } from "./channel-host.js";
import { KnownPeers, publisher, subscriber, TestHost } from "./host.testing.js";
import {
  type FailurePolicy,
  type PublishOptions,
  type PublishReport,
  PublishTally,
  publishFailure,
  publishSettings,
} from "./publish-report.js";
import { vectors } from "./vectors.testing.js";

const { packets, errors, backpressure } = vectors.publish;
const STREAM = 0xde352f728bf06c6cn;

/** What the words of the vectors ask for, right or wrong. */
const optionsOf = (kwargs: Readonly<Record<string, unknown>>): PublishOptions =>
  JSON.parse(
    JSON.stringify({
      reliability: kwargs["reliability"],
      onFailure: kwargs["on_failure"],
      maxInflight: kwargs["max_inflight"],
    }),
  );

const seen = (report: PublishReport): object => ({
  attempted: report.attempted,
  delivered: report.delivered,
  errors: report.errors.map(({ nodeId, message }) => ({ node_id: String(nodeId), message })),
});

describe("a publish", () => {
  it.each(packets)("with $kwargs has the packets of Net", ({ kwargs, packet, report }) => {
    const settings = publishSettings(optionsOf(kwargs));
    expect(settings.flags).toBe(packet.flags);
    expect(settings.maxInflight).toBe(kwargs.max_inflight === 0 ? 1 : 32);
    const tally = new PublishTally(report.attempted, settings.onFailure);
    tally.delivered();
    expect(seen(tally.report())).toEqual(report);
  });

  it.each(errors)("on $channel with $kwargs ends as in Net", ({ kwargs, channel, result }) => {
    const publish = (): object => {
      const { onFailure } = publishSettings(optionsOf(kwargs));
      const { recipients } = new TestHost().host.plan(channel, 0);
      return seen(new PublishTally(recipients.length, onFailure).report());
    };
    if (typeof result === "string") {
      expect(publish).toThrow(result.replace("ChannelError: ", ""));
    } else {
      expect(publish()).toEqual(result);
    }
  });

  it("is addressed by the hash of its channel, with bit 48 of the stream set", () => {
    const host = new ChannelHost({
      entityId: publisher.entityId,
      view: new KnownPeers(),
      now: 0,
    });
    const plan = host.plan("sensors/temp", 0);
    expect(plan.channelHash).toBe(16_462_700_969_239_975_725n);
    expect(plan.hint).toBe(Number(plan.channelHash & 0xffffn));
    expect(plan.streamId).toBe(plan.channelHash | (1n << 48n));
    expect(host.plan("sensors/temp", 0)).toEqual(plan);
    for (let n = 0; n < 5_000; n++) host.plan(`c/${n}`, 0);
    expect(host.plan("sensors/temp", 0)).toEqual(plan);
  });

  it.each([
    { on_failure: "best_effort", result: backpressure.reports.at(-1) },
    ...backpressure.then,
  ])("that the peer's window is too full for, $on_failure, ends as in Net", (vector) => {
    const { onFailure } = publishSettings(optionsOf(vector));
    const tally = new PublishTally(1, onFailure);
    tally.failed(subscriber.nodeId, publishFailure.backpressured(STREAM));
    if (typeof vector.result === "string") {
      expect(() => tally.report()).toThrow(
        expect.objectContaining({
          code: "ALL_FAILED",
          message: vector.result.replace("ChannelError: ", ""),
        }),
      );
    } else {
      expect(seen(tally.report())).toEqual(vector.result);
    }
  });

  it("goes on after an error unless it is to fail fast", () => {
    const policies: readonly FailurePolicy[] = ["best_effort", "collect", "fail_fast"];
    for (const policy of policies) {
      const tally = new PublishTally(3, policy);
      tally.delivered();
      expect(tally.isOver).toBe(false);
      tally.failed(5n, publishFailure.noSession(5n));
      expect(tally.isOver).toBe(policy === "fail_fast");
      expect(tally.report()).toEqual({
        attempted: 3,
        delivered: 1,
        errors: [
          {
            nodeId: 5n,
            message: "connection error: publish: no session for subscriber 0x5",
          },
        ],
      });
    }
  });

  it("names each failure in the words of Net", () => {
    expect([
      publishFailure.closed(255n),
      publishFailure.partitioned(255n),
      publishFailure.sendFailed("ENOBUFS"),
    ]).toEqual([
      "connection error: publish: stream 0xff closed",
      "connection error: publish: peer 0xff is partitioned",
      "connection error: publish send failed: ENOBUFS",
    ]);
  });

  it("has a number of sends under way that fits in 32 bits", () => {
    for (const maxInflight of [-1, 2 ** 32, 1.5]) {
      expect(() => publishSettings({ maxInflight })).toThrow(
        expect.objectContaining({ code: "RANGE" }),
      );
    }
  });
});
