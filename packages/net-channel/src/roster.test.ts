import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TestHost } from "./host.testing.js";
import { type Membership, Roster } from "./roster.js";
import { vectors } from "./vectors.testing.js";

const member = (node: bigint, channel: string, queueGroup?: string): Membership => ({
  node,
  channel,
  queueGroup,
  tokens: [],
  admitted: true,
});
const everyone = (): boolean => true;

describe("who gets an event", () => {
  it("is every broadcast subscriber and one of each group, in turn", () => {
    const { publishes, attempted_each, received } = vectors.queue_groups;
    const test = new TestHost();
    test.host.registry.register("work");
    test.subscribe(1n, "work", { queueGroup: "w" });
    test.subscribe(2n, "work", { queueGroup: "w" });
    test.subscribe(3n, "work");
    const counts = new Map<bigint, number>();
    for (let n = 0; n < publishes; n++) {
      const recipients = test.recipients("work");
      expect(attempted_each).toContain(recipients.length);
      for (const node of recipients) counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    expect([1n, 2n, 3n].map((node) => counts.get(node))).toEqual(received);
  });

  it("is nobody on a channel that is not registered", () => {
    const plan = new TestHost().host.plan("never/registered", 0);
    expect(plan.recipients).toEqual([]);
  });

  it("leaves out those the channel is not visible to now", () => {
    const test = new TestHost();
    test.host.registry.register("near", { visibility: "subnet-local" });
    test.subscribe(1n, "near");
    test.subscribe(2n, "near");
    test.peers.hidden.add(1n);
    expect(test.recipients("near")).toEqual([2n]);
    test.peers.hidden.clear();
    expect(test.recipients("near")).toEqual([1n, 2n]);
  });

  it("passes over a group's member that is not eligible, and not over the group", () => {
    const roster = new Roster();
    for (const node of [1n, 2n, 3n]) roster.join(member(node, "work", "g"));
    const chosen = [1, 2, 3, 4].map(() => roster.recipients("work", ({ node }) => node !== 2n));
    expect(chosen).toEqual([[1n], [3n], [1n], [3n]]);
    expect(roster.recipients("work", () => false)).toEqual([]);
  });

  it("changes with the mode a subscriber asks for last", () => {
    const test = new TestHost();
    test.host.registry.register("work");
    test.subscribe(1n, "work");
    test.subscribe(1n, "work", { queueGroup: "a" });
    test.subscribe(1n, "work", { queueGroup: "b" });
    test.subscribe(1n, "work", { queueGroup: "b" });
    expect(test.recipients("work")).toEqual([1n]);
    expect(test.host.members("work")).toMatchObject([{ queueGroup: "b" }]);
    test.subscribe(1n, "work");
    expect(test.recipients("work")).toEqual([1n]);
  });

  it("does not include a node that left, was forgotten, or was never there", () => {
    const test = new TestHost();
    test.host.registry.register("a");
    test.host.registry.register("b");
    for (const channel of ["a", "b"]) test.subscribe(1n, channel, { queueGroup: "g" });
    test.unsubscribe(1n, "a");
    test.unsubscribe(1n, "never");
    expect(test.recipients("a")).toEqual([]);
    expect(test.host.forget(1n)).toBe(1);
    expect(test.host.forget(1n)).toBe(0);
    expect(test.recipients("b")).toEqual([]);
    expect(test.host.stats.memberships).toBe(0);
  });
});

describe("a roster", () => {
  it("agrees with a plain list of memberships, whatever happens to it", () => {
    const step = fc.record({
      node: fc.constantFrom(1n, 2n, 3n, 4n),
      channel: fc.constantFrom("a", "b"),
      what: fc.constantFrom("broadcast", "g", "h", "leave", "forget", "publish"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const roster = new Roster();
        const list = new Map<string, { node: bigint; channel: string; mode: string }>();
        for (const { node, channel, what } of steps) {
          const key = `${channel} ${node}`;
          if (what === "leave") {
            expect(roster.leave(node, channel)).toBe(list.delete(key));
          } else if (what === "forget") {
            const held = [...list].filter(([, entry]) => entry.node === node);
            expect(roster.forget(node)).toBe(held.length);
            for (const [held_key] of held) list.delete(held_key);
          } else if (what === "publish") {
            const present = [...list.values()].filter((entry) => entry.channel === channel);
            const modes = new Set(present.map(({ mode }) => mode).filter((m) => m !== "broadcast"));
            const broadcast = present.filter(({ mode }) => mode === "broadcast");
            const recipients = roster.recipients(channel, everyone);
            expect(recipients).toHaveLength(broadcast.length + modes.size);
            expect(new Set(recipients).size).toBe(recipients.length);
            for (const entry of broadcast) expect(recipients).toContain(entry.node);
          } else {
            roster.join(member(node, channel, what === "broadcast" ? undefined : what));
            list.set(key, { node, channel, mode: what });
          }
          expect(roster.size).toBe(list.size);
          expect(roster.channelCount(node)).toBe(
            [...list.values()].filter((entry) => entry.node === node).length,
          );
        }
      }),
    );
  });

  it("takes the next member's turn from nobody when another leaves", () => {
    const roster = new Roster();
    for (const node of [1n, 2n, 3n]) roster.join(member(node, "c", "g"));
    expect(roster.recipients("c", everyone)).toEqual([1n]);
    roster.leave(1n, "c");
    expect(roster.recipients("c", everyone)).toEqual([2n]);
    expect(roster.recipients("c", everyone)).toEqual([3n]);
    roster.leave(3n, "c");
    expect(roster.recipients("c", everyone)).toEqual([2n]);
  });

  it("shares a group's events evenly among those who stay", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        (size, rounds) => {
          const roster = new Roster();
          for (let n = 0; n < size; n++) roster.join(member(BigInt(n), "c", "g"));
          const counts = new Map<bigint, number>();
          for (let n = 0; n < size * rounds; n++) {
            for (const node of roster.recipients("c", everyone)) {
              counts.set(node, (counts.get(node) ?? 0) + 1);
            }
          }
          expect([...counts.values()]).toEqual(Array.from({ length: size }, () => rounds));
        },
      ),
    );
  });
});
