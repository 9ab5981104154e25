import { describe, expect, it } from "vitest";
import { PeerTable } from "./peer-table.js";

const peer = (nodeId: bigint, sessionId: bigint, address: string, isRelayed = false) => ({
  nodeId,
  sessionId,
  address,
  isRelayed,
});

describe("the peer table", () => {
  it("finds a peer by id, session and address until it goes", () => {
    const table = new PeerTable();
    const one = peer(1n, 10n, "a");
    table.add(one);
    expect([table.get(1n), table.withSession(10n), table.at("a")]).toEqual([one, one, one]);
    expect(table.remove(1n)).toBe(one);
    expect([table.get(1n), table.withSession(10n), table.at("a"), table.remove(1n)]).toEqual(
      Array(4).fill(undefined),
    );
  });

  it("lets the session before go when a peer comes again", () => {
    const table = new PeerTable();
    table.add(peer(1n, 10n, "a"));
    const again = peer(1n, 11n, "b");
    table.add(again);
    expect(table.size).toBe(1);
    expect(table.withSession(10n)).toBeUndefined();
    expect(table.at("a")).toBeUndefined();
    expect(table.at("b")).toBe(again);
  });

  it("gives a relay's address to the relay, not to the peers behind it", () => {
    const table = new PeerTable();
    const relay = peer(1n, 10n, "a");
    table.add(relay);
    table.add(peer(2n, 20n, "a", true));
    expect(table.at("a")).toBe(relay);
    table.remove(2n);
    expect(table.at("a")).toBe(relay);
  });

  it("keeps a newer peer's place at an address when an older one goes", () => {
    const table = new PeerTable();
    table.add(peer(1n, 10n, "a"));
    const newer = peer(2n, 20n, "a");
    table.add(newer);
    table.remove(1n);
    expect(table.at("a")).toBe(newer);
  });

  it("finds a peer that moved at its new address only", () => {
    const table = new PeerTable();
    const moving = peer(1n, 10n, "a");
    table.add(moving);
    table.move(moving, () => {
      moving.address = "b";
    });
    expect([table.at("a"), table.at("b")]).toEqual([undefined, moving]);
    table.remove(1n);
    expect(table.at("b")).toBeUndefined();
  });
});
