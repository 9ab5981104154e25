import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Announcement } from "./announcement.js";
import { decodeAnnouncement } from "./announcement-reader.js";
import { matchesFilter, readFilter } from "./capability-filter.js";
import type { CapabilityIndex, ReceiveResult } from "./capability-index.js";
import { CapabilitySet } from "./capability-set.js";
import { textOf, utf8, vectors } from "./capability-vectors.testing.js";
import {
  announcementOf,
  identityOf,
  impostor,
  newIndex,
  OWN_NODE,
  receive,
  WALL_CLOCK,
  wireOf,
} from "./mesh.testing.js";
import { subnetOfLevels } from "./subnet.js";
import { readSubnetPolicy } from "./subnet-policy.js";

const alice = identityOf(1);
const bob = identityOf(2);
const second = 1_000_000_000n;

function forwardedHopCounts(result: ReceiveResult): readonly number[] {
  if (result.kind === "dropped" || result.forward === undefined) return [];
  return [decodeAnnouncement(result.forward).hopCount];
}

describe("an announcement is accepted, indexed and forwarded as by the reference", () => {
  const atAlice = (tags: readonly string[], changes: Parameters<typeof announcementOf>[2] = {}) =>
    announcementOf(alice, tags, { version: 5n, ...changes });
  const forged = { ...atAlice(["x"]), capabilities: CapabilitySet.of(["y"]) };
  const { signature: _, ...unsigned } = atAlice(["x"], { version: 8n });
  const age = (seconds: bigint) => BigInt(WALL_CLOCK) * 1_000_000n - seconds * second;
  const fromAfar = (version: bigint, changes: Parameters<typeof announcementOf>[2] = {}) =>
    announcementOf(bob, ["x"], { hopCount: 1, version, ...changes });
  const heat = (tags: readonly string[]) => announcementOf(bob, tags, { hopCount: 1 });

  const stories: Readonly<Record<string, readonly (Announcement | Uint8Array)[]>> = {
    "direct, signed, version 5": [atAlice(["x"])],
    "direct, same version": [atAlice(["w"]), atAlice(["x"])],
    "direct, lower version": [atAlice(["w"]), atAlice(["x"], { version: 4n })],
    "direct, unsigned": [unsigned],
    "direct, tags changed after signing": [forged],
    "direct (hop 0) for another node": [announcementOf(bob, ["x"])],
    "hop 1 for another node": [fromAfar(1n)],
    "hop 14": [fromAfar(1n, { hopCount: 14 })],
    "hop 15": [fromAfar(1n, { hopCount: 15 })],
    "hop 200": [fromAfar(1n, { hopCount: 200 })],
    "node_id not derived from entity_id": [
      announcementOf(impostor(bob, 77n), ["x"], { hopCount: 1 }),
    ],
    "timestamp 400 s old, ttl 300": [fromAfar(1n, { timestampNs: age(400n) })],
    "timestamp 1 h in the future": [fromAfar(1n, { timestampNs: age(-3600n) })],
    "ttl 0": [fromAfar(1n, { ttlSeconds: 0 })],
    "heat tag without causal claim": [heat(["heat:00ff=0.50"])],
    "heat tag with causal claim": [heat(["heat:00ff=0.50", "causal:00ff:12"])],
    "empty tag in the list": [utf8(textOf(wireOf(alice, ["x"])).replace('["x"]', '["x",""]'))],
  };

  it.each(vectors.announcement_acceptance)("$label", (row) => {
    const index = newIndex();
    const story = stories[row.label] ?? [];
    const last = story.map((one) => receive(index, one, alice.nodeId)).at(-1);
    const tag = row.label.startsWith("heat") ? "heat:00ff=0.50" : "x";
    expect(index.findNodes({ requireTags: [tag] }).length > 0).toBe(row.indexed);
    expect(last === undefined ? undefined : forwardedHopCounts(last)).toEqual(
      row.forwarded_to_other_peer_with_hop_count,
    );
  });
});

describe("an announcement is dropped with the first reason there is", () => {
  it.each([
    ["unreadable", utf8("{}")],
    ["not-from-origin", announcementOf(bob, [])],
    ["own", announcementOf(OWN_NODE, [], { hopCount: 1 })],
    ["wrong-node-id", announcementOf(impostor(bob, 5n), [], { hopCount: 1 })],
    ["wrong-node-id", announcementOf(impostor(bob, alice.nodeId), [])],
    ["bad-signature", { ...announcementOf(alice, []), version: 9n }],
  ])("%s", (reason, announcement) => {
    const result = receive(newIndex(), announcement, alice.nodeId);
    expect(result).toEqual({ kind: "dropped", reason });
  });

  it("wrong-node-id, when unsigned ones are taken", () => {
    const { signature: _, ...unsigned } = announcementOf(bob, [], { hopCount: 1 });
    const index = newIndex({ requireSigned: false });
    const result = receive(index, { ...unsigned, nodeId: 5n }, alice.nodeId);
    expect(result).toEqual({ kind: "dropped", reason: "wrong-node-id" });
  });

  it("a bad signature is worse than none, whatever is required", () => {
    const index = newIndex({ requireSigned: false });
    const { signature: _, ...unsigned } = announcementOf(alice, ["x"], { version: 2n });
    const bad = { ...unsigned, signature: new Uint8Array(64) };
    expect(receive(index, bad, alice.nodeId)).toEqual({ kind: "dropped", reason: "bad-signature" });
    expect(receive(index, unsigned, alice.nodeId)).toMatchObject({
      verified: false,
      pinned: false,
      index: "indexed",
    });
    expect(index.entityOf(alice.nodeId)).toBeUndefined();
  });

  it("a duplicate is one of node, version, and whether it came directly", () => {
    const index = newIndex();
    const direct = announcementOf(alice, ["x"]);
    expect(receive(index, direct, alice.nodeId).kind).toBe("accepted");
    expect(receive(index, { ...direct, hopCount: 1 }, bob.nodeId)).toMatchObject({
      kind: "accepted",
      index: "stale",
    });
    expect(receive(index, { ...direct, hopCount: 2 }, bob.nodeId)).toEqual({
      kind: "dropped",
      reason: "duplicate",
    });
    expect(receive(index, direct, alice.nodeId)).toEqual({ kind: "dropped", reason: "duplicate" });
  });

  it("a forgery is not remembered in place of the real one", () => {
    const index = newIndex();
    const real = announcementOf(alice, ["x"]);
    const forgery = { ...real, capabilities: CapabilitySet.of(["y"]) };
    expect(receive(index, forgery, alice.nodeId).kind).toBe("dropped");
    expect(receive(index, real, alice.nodeId)).toMatchObject({ index: "indexed" });
  });
});

describe("what is learned", () => {
  it("from a direct announcement is the key, and from one from afar a route", () => {
    const index = newIndex();
    const direct = receive(index, announcementOf(alice, ["x"]), alice.nodeId);
    expect(direct).toMatchObject({ pinned: true, verified: true });
    expect(direct).not.toHaveProperty("route");
    expect(index.entityOf(alice.nodeId)).toEqual(alice.entityId);
    const again = receive(index, announcementOf(alice, ["x"], { version: 2n }), alice.nodeId);
    expect(again).toMatchObject({ pinned: false });
    const far = receive(index, announcementOf(bob, [], { hopCount: 3 }), alice.nodeId);
    expect(far).toMatchObject({ pinned: false, route: { nodeId: bob.nodeId, metric: 5 } });
    expect(index.entityOf(bob.nodeId)).toBeUndefined();
  });

  it("keeps for itself no metadata that only its owner may set; forwards it unchanged", () => {
    const metadata = new Map([
      ["app", "a"],
      ["intent", "i"],
      ["owner", "o"],
      ["tool::t::input_schema", "{}"],
    ]);
    const capabilities = CapabilitySet.of(
      ["causal:aa[1]", "causal:cc:1", "heat:aa=1", "heat:bb=1", "heat:cc", "heat:dd", "x"],
      metadata,
    );
    const index = newIndex();
    const result = receive(index, announcementOf(alice, [], { capabilities }), alice.nodeId);
    expect([...index.capabilitiesOf(alice.nodeId).metadata]).toEqual([["app", "a"]]);
    expect(index.capabilitiesOf(alice.nodeId).tags).toEqual([
      "causal:aa[1]",
      "causal:cc:1",
      "heat:aa=1",
      "heat:cc",
      "x",
    ]);
    const forwarded = result.kind === "accepted" ? result.forward : undefined;
    expect(decodeAnnouncement(forwarded ?? utf8("")).capabilities.equals(capabilities)).toBe(true);
  });

  it("keeps the heat of 256 blobs", () => {
    const tags = Array.from({ length: 300 }, (_, at) => `heat:blob:${1000 + at}=1`);
    const index = newIndex({ maxAnnouncementBytes: 65_536 });
    receive(index, announcementOf(alice, tags), alice.nodeId);
    expect(index.capabilitiesOf(alice.nodeId).tags).toEqual(tags.slice(0, 256));
  });

  it("is forgotten with the peer, whose same announcement then teaches it again", () => {
    const index = newIndex();
    const announcement = announcementOf(alice, ["x"]);
    receive(index, announcement, alice.nodeId);
    index.forgetPeer(alice.nodeId);
    index.forgetPeer(bob.nodeId);
    expect(index.entityOf(alice.nodeId)).toBeUndefined();
    expect(index.findNodes()).toEqual([]);
    expect(receive(index, announcement, alice.nodeId)).toMatchObject({ pinned: true });
  });
});

describe("the lifetime of an entry", () => {
  const at = (index: CapabilityIndex, seconds: number): readonly bigint[] => {
    index.sweep(seconds * 1000);
    return index.findNodes();
  };

  it("ends at the first sweep after its time", () => {
    const index = newIndex();
    const timestampNs = (BigInt(WALL_CLOCK) - 100_000n) * 1_000_000n;
    receive(index, announcementOf(alice, ["x"], { timestampNs }), alice.nodeId);
    expect(at(index, 199)).toEqual([alice.nodeId]);
    expect(index.deadline()).toBe(259_000);
    expect(at(index, 258.9)).toEqual([alice.nodeId]);
    expect(at(index, 259)).toEqual([]);
    expect(index.size).toBe(0);
    expect(index.get(alice.nodeId)).toBeUndefined();
  });

  it("is not longer than ttl, whatever the timestamp says", () => {
    const index = newIndex({ sweepIntervalMs: 0 });
    const timestampNs = BigInt(WALL_CLOCK + 3_600_000) * 1_000_000n;
    receive(index, announcementOf(alice, [], { timestampNs }), alice.nodeId);
    expect(at(index, 299)).toHaveLength(1);
    expect(at(index, 301)).toHaveLength(0);
  });

  it("with ttl 0 is up to the next sweep, however old", () => {
    const index = newIndex({ sweepIntervalMs: 0 });
    receive(index, announcementOf(alice, [], { ttlSeconds: 0, timestampNs: 0n }), alice.nodeId);
    expect(at(index, 0.5)).toHaveLength(1);
    expect(at(index, 1)).toHaveLength(0);
  });

  it("counts whole seconds", () => {
    const index = newIndex();
    const aged = (ms: bigint, version: bigint): ReceiveResult => {
      const timestampNs = (BigInt(WALL_CLOCK) - ms) * 1_000_000n;
      return receive(index, announcementOf(alice, [], { timestampNs, version }), alice.nodeId);
    };
    expect(aged(300_000n, 1n)).toMatchObject({ kind: "accepted", index: "expired" });
    expect(aged(299_999n, 2n)).toMatchObject({ index: "indexed" });
  });

  it("leaves no version behind, but announcements are remembered for ten minutes", () => {
    const index = newIndex({ sweepIntervalMs: 1000 });
    const first = wireOf(alice, ["a"], { version: 9n });
    const timestampNs = BigInt(WALL_CLOCK + 400_000) * 1_000_000n;
    const lower = wireOf(alice, ["b"], { version: 3n, timestampNs });
    index.receive(first, alice.nodeId, 0, WALL_CLOCK);
    index.sweep(400_000);
    expect(index.receive(first, alice.nodeId, 400_000, WALL_CLOCK + 400_000)).toEqual({
      kind: "dropped",
      reason: "duplicate",
    });
    const restarted = index.receive(lower, alice.nodeId, 400_000, WALL_CLOCK + 400_000);
    expect(restarted).toMatchObject({ index: "indexed" });
    const late = index.receive(first, alice.nodeId, 600_000, WALL_CLOCK + 600_000);
    expect(late).toMatchObject({ kind: "accepted", index: "expired" });
  });
});

describe("finding nodes", () => {
  it("finds the own node once it has announced", () => {
    const index = newIndex();
    expect(index.findNodes()).toEqual([]);
    expect(index.indexOwn(announcementOf(OWN_NODE, ["x"]), 0, WALL_CLOCK)).toBe("indexed");
    expect(index.findNodes({}, { kind: "same-subnet" })).toEqual([OWN_NODE.nodeId]);
  });

  it("counts a subnet that nobody told as the own one, where a policy is installed", () => {
    const { local_subnet, policy, same_subnet, any } = vectors.find_nodes_scoped_with_policy;
    const index = newIndex({
      ownSubnet: subnetOfLevels(local_subnet),
      subnetPolicy: readSubnetPolicy(policy),
    });
    const nodes: Readonly<Record<string, readonly string[]>> = {
      "tagged eu": ["region:eu"],
      "tagged eu + subnet-local": ["region:eu", "scope:subnet-local"],
      untagged: [],
      "untagged + subnet-local": ["scope:subnet-local"],
    };
    const names = new Map([[alice.nodeId, "direct peer eu"]]);
    receive(index, announcementOf(alice, ["region:eu"]), alice.nodeId);
    Object.entries(nodes).forEach(([name, tags], at) => {
      const identity = identityOf(100 + at);
      names.set(identity.nodeId, name);
      receive(index, announcementOf(identity, tags, { hopCount: 1 }), alice.nodeId);
    });
    const found = (kind: "same-subnet" | "any"): unknown[] =>
      index
        .findNodes({}, { kind })
        .map((id) => names.get(id))
        .sort();
    expect(found("same-subnet")).toEqual(same_subnet);
    expect(found("any")).toEqual(any);
    expect(index.subnetOf(alice.nodeId)).toBe(subnetOfLevels([1]));
    receive(index, announcementOf(alice, ["region:us"], { version: 2n }), alice.nodeId);
    expect(index.subnetOf(alice.nodeId)).toBe(0);
    expect(found("same-subnet")).not.toContain("direct peer eu");
    expect(index.subnetOf(OWN_NODE.nodeId)).toBe(subnetOfLevels([1]));
  });

  it("finds by the index what a look at every node finds", () => {
    const tag = fc.constantFrom(
      "hardware.gpu",
      "hardware.gpu.vram_gb=8",
      "hardware.gpu.vendor=amd",
      "hardware.memory_gb=4",
      "software.model.0.id=m",
      "software.tool.0.tool_id=t",
      "a",
      "b",
    );
    const filter = fc.record(
      {
        require_tags: fc.array(tag, { maxLength: 3 }),
        require_models: fc.array(fc.constantFrom("m", "n")),
        require_tools: fc.array(fc.constantFrom("t", "u")),
        min_memory_gb: fc.nat(8),
        require_gpu: fc.boolean(),
        gpu_vendor: fc.constantFrom("amd", "intel", "none"),
        min_vram_gb: fc.nat(10),
      },
      { requiredKeys: [] },
    );
    const nodes = fc.array(fc.tuple(fc.nat(5), fc.array(tag)), { maxLength: 12 });
    fc.assert(
      fc.property(nodes, filter, (announced, dictionary) => {
        const index = newIndex();
        const last = new Map<bigint, CapabilitySet>();
        announced.forEach(([number, tags], at) => {
          const identity = identityOf(number);
          const announcement = announcementOf(identity, tags, { version: BigInt(at + 1) });
          receive(index, announcement, identity.nodeId);
          last.set(identity.nodeId, announcement.capabilities);
        });
        const wanted = readFilter(dictionary);
        const expected = [...last]
          .filter(([, set]) => matchesFilter(set, wanted, "find"))
          .map(([nodeId]) => nodeId);
        expect(index.findNodes(wanted).sort()).toEqual(expected.sort());
        index.sweep(1e9);
        expect(index.findNodes(wanted)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

it("no bytes from a peer make the index throw or grow", () => {
  const index = newIndex();
  const good = wireOf(alice, ["x"]);
  const change = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 3 }), (places) => {
      const bytes = Uint8Array.from(good);
      for (const { at, byte } of places) bytes[at] = byte;
      index.receive(bytes, alice.nodeId, 0, WALL_CLOCK);
      expect(index.size).toBeLessThanOrEqual(1);
    }),
    { numRuns: 500 },
  );
});
