import { describe, expect, it } from "vitest";
import { SeededRandom } from "../simulated/seeded-random.js";
import {
  BEAT_S,
  type ControlTraffic,
  HEARTBEAT_BYTES,
  measure,
} from "./control-traffic.testing.js";
import { type Links, random, ring, star } from "./topology.testing.js";

const LIMIT = { timeout: 900_000 };
const SEED = 51;
/** `NET_SCALING=full` prints the table of docs/net-scaling.md; otherwise its first lines are checked. */
const SIZES = process.env["NET_SCALING"] === "full" ? [10, 50, 100, 200] : [10, 30];

const SHAPES: Readonly<Record<string, (nodes: number) => Links>> = {
  ring,
  "random, degree 4": (nodes) => random(nodes, 4, new SeededRandom(nodes)),
  "random, degree 8": (nodes) => random(nodes, 8, new SeededRandom(nodes)),
  star,
};

function row(shape: string, traffic: ControlTraffic): string {
  const { nodes, degree, heartbeats, waves, predictedWaves, announcements, busiest } = traffic;
  const figures = [heartbeats, waves, predictedWaves, announcements, busiest].map((figure) =>
    figure.toFixed(0),
  );
  return `| ${[shape, nodes, degree.toFixed(1), ...figures, traffic.announcementBytes.toFixed(0)].join(" | ")} |\n`;
}

describe("the control traffic of a silent mesh", LIMIT, () => {
  it("is what the page on scaling says", () => {
    const measured = Object.entries(SHAPES).flatMap(([shape, links]) =>
      SIZES.map((nodes) => ({ shape, traffic: measure(links(nodes), nodes, SEED) })),
    );
    if (process.env["NET_SCALING"] !== undefined) {
      process.stdout.write(
        "| links | nodes | degree | heartbeats | waves | at most | announcements | busiest node | bytes per announcement |\n",
      );
      for (const { shape, traffic } of measured) {
        process.stdout.write(row(shape, traffic));
      }
    }
    for (const { traffic } of measured) {
      const { degree, heartbeats, waves, predictedWaves, announcementBytes } = traffic;
      expect(heartbeats).toBeCloseTo((degree * HEARTBEAT_BYTES) / BEAT_S, 6);
      // A copy that took a longer but faster way hides one that would have gone further.
      expect(waves).toBeLessThanOrEqual(predictedWaves * 1.001);
      expect(waves).toBeGreaterThanOrEqual(predictedWaves / 2);
      expect(announcementBytes).toBeLessThan(1500);
    }
  });
});
