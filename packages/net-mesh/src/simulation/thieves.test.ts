import { describe, expect, it } from "vitest";
import { ReliableFlow } from "./reliable-flow.testing.js";
import { forEachSeed } from "./seeded-runs.testing.js";
import { ROUGH, SimMesh } from "./sim-mesh.testing.js";
import type { SimNode } from "./sim-node.testing.js";

const LIMIT = { timeout: 300_000 };
const QUICK = { heartbeatIntervalMs: 1000, sessionTimeoutMs: 3000 };
const THIEF = "66.6.6.6:6";

describe(
  "somebody who is faster than the network and sends on what he sees from elsewhere",
  LIMIT,
  () => {
    it("takes over no session whose ends reach each other, and loses or doubles nothing of it", () => {
      forEachSeed(75, 30, (seed, source) => {
        const mesh = new SimMesh({ seed, conditions: ROUGH, tuning: QUICK });
        const [left, right] = mesh.addMany(2) as [SimNode, SimNode];
        mesh.connect(left, right);
        let caught = 0;
        let isAtWork = true;
        mesh.taps.add((sender, datagram, to) => {
          const receiver = sender === left ? right : left;
          if (isAtWork && to === receiver.address && source.chance(0.2)) {
            const copy = new Uint8Array(datagram);
            caught += 1;
            mesh.network.at(mesh.network.now, () => {
              receiver.do((core, now) => {
                core.receive(copy, THIEF, now);
              });
            });
          }
        });
        // What is sent to him he passes on to the other, as if he were the way.
        mesh.network.attach(THIEF, (socket) => ({
          receive: (datagram: Uint8Array, from: string) => {
            if (isAtWork) {
              socket.transmit(datagram, from === left.address ? right.address : left.address);
            }
          },
          tick: () => undefined,
          deadline: () => Number.POSITIVE_INFINITY,
        }));
        const flows = [[left, right] as const, [right, left] as const].map(
          ([from, to]) =>
            new ReliableFlow({
              from,
              to,
              streamId: 9n,
              sizes: Array.from({ length: 100 }, () => source.between(1, 3000)),
              now: () => mesh.network.now,
            }),
        );
        mesh.expect("all arrives, once and in order", 120_000, () =>
          flows.every(({ isDone }) => isDone),
        );
        expect(caught).toBeGreaterThan(10);
        isAtWork = false;
        mesh.expectSlowly(
          "both reach each other where they are",
          20_000,
          () =>
            left.core.peer(right.nodeId)?.address === right.address &&
            right.core.peer(left.nodeId)?.address === left.address,
        );
      });
    });
  },
);
