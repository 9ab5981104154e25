import { describe, expect, it } from "vitest";
import { forEachSeed } from "./seeded-runs.testing.js";
import { ROUGH, SimMesh } from "./sim-mesh.testing.js";
import type { SimNode } from "./sim-node.testing.js";

const LIMIT = { timeout: 300_000 };
const CHANNEL = "news/today";

/** Reads what arrives from `publisher`, number by number. */
function reader(mesh: SimMesh, publisher: SimNode, subscriber: SimNode): number[] {
  const numbers: number[] = [];
  subscriber.listeners.add((event) => {
    if (event.type !== "events" || event.peer !== publisher.nodeId) {
      return;
    }
    const { batch } = event;
    for (const bytes of batch) {
      numbers.push(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0));
    }
    subscriber.later(() => {
      subscriber.core.consume(publisher.nodeId, batch, mesh.network.now);
    });
  });
  return numbers;
}

/** Over lossy links the five seconds of a request are not always enough. */
const MOST_TRIES = 4;

function subscribe(mesh: SimMesh, publisher: SimNode, subscriber: SimNode): void {
  let answer: string | undefined;
  for (let attempt = 0; attempt < MOST_TRIES && answer !== "ok"; attempt += 1) {
    answer = undefined;
    subscriber.do((core, now) => {
      core.subscribe({ publisher: publisher.nodeId, channel: CHANNEL }, now, (error) => {
        answer = error?.message ?? "ok";
      });
    });
    mesh.expect("the publisher answers", 30_000, () => answer !== undefined);
  }
  expect(answer).toBe("ok");
}

describe("what is published reliably", LIMIT, () => {
  it("reaches every subscriber once and in order, direct ones and those behind relays", () => {
    forEachSeed(61, 60, (seed, random) => {
      const mesh = new SimMesh({ seed, conditions: ROUGH, tuning: { heartbeatIntervalMs: 1000 } });
      const [publisher, relay, ...subscribers] = mesh.addMany(4 + random.below(12)) as [
        SimNode,
        SimNode,
        ...SimNode[],
      ];
      const isRelayed = subscribers.map(() => random.chance(0.3));
      mesh.connectAll([
        [publisher, relay],
        ...subscribers.map((node, index) => [node, isRelayed[index] ? relay : publisher] as const),
      ]);
      mesh.network.run(4000);
      for (const [index, node] of subscribers.entries()) {
        if (isRelayed[index]) {
          mesh.connect(node, publisher, relay);
        }
      }
      publisher.do((core) => {
        core.registerChannel(CHANNEL);
      });
      const read = subscribers.map((node) => {
        subscribe(mesh, publisher, node);
        return reader(mesh, publisher, node);
      });
      const count = 1 + random.below(100);
      for (let number = 0; number < count; number += 1) {
        const payload = new Uint8Array(4 + random.below(3000));
        new DataView(payload.buffer).setUint32(0, number);
        const report = publisher.do((core, now) =>
          core.publish(CHANNEL, payload, now, { reliability: "reliable" }),
        );
        expect(report).toEqual({
          attempted: subscribers.length,
          delivered: subscribers.length,
          errors: [],
        });
        mesh.network.run(random.between(0, 50));
      }
      const wanted = Array.from({ length: count }, (_, number) => number);
      mesh.expect("everybody has everything", 120_000, () =>
        read.every(({ length }) => length >= count),
      );
      mesh.network.run(2000);
      expect(read).toEqual(subscribers.map(() => wanted));
    });
  });
});
