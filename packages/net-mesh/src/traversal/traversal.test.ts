import { encodeReflex, encodeRendezvous, type Rendezvous } from "@gaiaftcl/net-wire";
import { beforeEach, describe, expect, it } from "vitest";
import type { ConnectOutcome } from "./direct-connector.js";
import { RENDEZVOUS_SUBPROTOCOL } from "./punch-coordinator.js";
import { REFLEX_SUBPROTOCOL, type ReflexOutcome } from "./reflex-prober.js";
import { Traversal } from "./traversal.js";
import { RecordingPort } from "./traversal-port.testing.js";

const PEER = 2n;
const COORDINATOR = 3n;
const STRANGER = 4n;
const PEER_REFLEX = "9.9.9.2:40000";
const WALL = 1_700_000_000_000;
const KEY = new Uint8Array(32);

let port: RecordingPort;
let traversal: Traversal;

beforeEach(() => {
  port = new RecordingPort();
  traversal = new Traversal(port);
});

function receive(from: bigint, message: Rendezvous, now = 0): void {
  const event = encodeRendezvous(message);
  traversal.receive(from, RENDEZVOUS_SUBPROTOCOL, event, "1.1.1.1:1", now, WALL + now);
}

/** Lets time pass; timers run when they are due. */
function passTo(now: number): void {
  for (let due = traversal.deadline(); due <= now; due = traversal.deadline()) {
    traversal.tick(due);
  }
}

function introduce(peer: bigint, from: bigint, now = 0, lead = 500): void {
  const fireAtMs = BigInt(WALL + now + lead);
  receive(from, { kind: "introduce", peer, peerReflex: PEER_REFLEX, fireAtMs }, now);
}

describe("a probe", () => {
  const probe = (peer: bigint, now = 0): ReflexOutcome[] => {
    const outcomes: ReflexOutcome[] = [];
    traversal.probeReflex(peer, now, (outcome) => outcomes.push(outcome));
    return outcomes;
  };
  const answer = (from: bigint, address: string): void => {
    traversal.receive(from, REFLEX_SUBPROTOCOL, encodeReflex(address), "1.1.1.1:1", 1, WALL);
  };

  it("is answered with the address the datagram came from", () => {
    port.sessions.set(PEER, "2.2.2.2:2");
    traversal.receive(PEER, REFLEX_SUBPROTOCOL, new Uint8Array(0), "5.5.5.5:5", 0, WALL);
    expect(port.controls).toEqual([
      { to: PEER, subprotocolId: REFLEX_SUBPROTOCOL, event: encodeReflex("5.5.5.5:5") },
    ]);
  });

  it("ends with the answer, or after three seconds", () => {
    port.sessions.set(PEER, "2.2.2.2:2");
    const first = probe(PEER);
    answer(PEER, "7.7.7.7:7");
    expect(first).toEqual([{ ok: true, address: "7.7.7.7:7" }]);
    const second = probe(PEER, 10);
    passTo(3009);
    expect(second).toEqual([]);
    passTo(3010);
    expect(second).toMatchObject([{ ok: false, failure: { kind: "reflex-timeout" } }]);
  });

  it("gives way to a newer one to the same peer", () => {
    port.sessions.set(PEER, "2.2.2.2:2");
    const first = probe(PEER);
    const second = probe(PEER, 100);
    expect(first).toMatchObject([{ ok: false, failure: { kind: "reflex-timeout" } }]);
    answer(PEER, "7.7.7.7:7");
    expect(second).toEqual([{ ok: true, address: "7.7.7.7:7" }]);
  });

  it("needs a peer, and answers that nobody asked for are ignored", () => {
    expect(probe(PEER)).toMatchObject([{ ok: false, failure: { kind: "peer-not-reachable" } }]);
    port.sessions.set(PEER, "2.2.2.2:2");
    port.sessions.set(COORDINATOR, "3.3.3.3:3");
    answer(PEER, "7.7.7.7:7");
    let view = "";
    traversal.reclassify(0, ({ natClass }) => {
      view = natClass;
    });
    answer(COORDINATOR, "8.8.8.8:8");
    passTo(3000);
    expect(view).toBe("unknown");
    expect(traversal.view.reflex).toBe("8.8.8.8:8");
  });

  it("ignores messages of any other length", () => {
    port.sessions.set(PEER, "2.2.2.2:2");
    const outcomes = probe(PEER);
    for (const length of [1, 18, 20]) {
      traversal.receive(PEER, REFLEX_SUBPROTOCOL, new Uint8Array(length), "5.5.5.5:5", 0, WALL);
    }
    expect(outcomes).toEqual([]);
    expect(port.controls).toHaveLength(1);
  });
});

describe("a declared address", () => {
  it("makes the node open at once, and is taken back", () => {
    traversal.setReflexOverride("5.5.5.5:5");
    expect(traversal.view).toEqual({ natClass: "open", reflex: "5.5.5.5:5" });
    port.sessions.set(PEER, "2.2.2.2:2").set(COORDINATOR, "3.3.3.3:3");
    traversal.reclassify(0, () => undefined);
    expect(port.controls).toEqual([]);
    traversal.clearReflexOverride();
    expect(traversal.view).toEqual({ natClass: "unknown", reflex: undefined });
    traversal.clearReflexOverride();
    expect(port.urgencies).toEqual([true, true]);
  });
});

describe("a coordinator", () => {
  beforeEach(() => {
    port.sessions.set(PEER, "2.2.2.2:2").set(STRANGER, "4.4.4.4:4");
    port.announced.set(PEER, { natClass: "cone", reflex: PEER_REFLEX });
  });

  it("introduces each to the other, half a second ahead", () => {
    receive(STRANGER, { kind: "request", target: PEER, reflex: "4.4.4.4:44" });
    const fireAtMs = BigInt(WALL + 500);
    expect(port.rendezvous()).toEqual([
      {
        to: STRANGER,
        message: { kind: "introduce", peer: PEER, peerReflex: PEER_REFLEX, fireAtMs },
      },
      {
        to: PEER,
        message: { kind: "introduce", peer: STRANGER, peerReflex: "4.4.4.4:44", fireAtMs },
      },
    ]);
  });

  it("stays silent about a target it has no session with or no address of, and about the asker itself", () => {
    receive(STRANGER, { kind: "request", target: 99n, reflex: "4.4.4.4:44" });
    port.announced.delete(PEER);
    receive(STRANGER, { kind: "request", target: PEER, reflex: "4.4.4.4:44" });
    port.announced.set(STRANGER, { natClass: "cone", reflex: "4.4.4.4:44" });
    receive(STRANGER, { kind: "request", target: STRANGER, reflex: "4.4.4.4:44" });
    expect(port.controls).toEqual([]);
  });

  it("passes acknowledgements on unchanged, but not under a name that is not the sender's", () => {
    const ack = { kind: "ack", fromPeer: STRANGER, toPeer: PEER, punchId: 0 } as const;
    receive(STRANGER, ack);
    expect(port.rendezvous()).toEqual([{ to: PEER, message: ack }]);
    receive(PEER, ack);
    expect(port.rendezvous()).toHaveLength(1);
  });
});

describe("an introduced node", () => {
  beforeEach(() => {
    port.sessions.set(COORDINATOR, "3.3.3.3:3").set(STRANGER, "4.4.4.4:4");
  });

  it("sends three keep-alives at the agreed moment and a tenth and a quarter of a second later, though it asked for nothing", () => {
    introduce(PEER, COORDINATOR);
    const at: number[] = [];
    for (let now = 0; now <= 10_000; now += 50) {
      passTo(now);
      at.push(...Array.from({ length: port.keepAlives.length - at.length }, () => now));
    }
    expect(at).toEqual([500, 600, 750]);
    expect(port.keepAlives).toEqual(
      Array.from({ length: 3 }, () => ({ to: PEER_REFLEX, sender: 1n })),
    );
  });

  it("tells the coordinator of a keep-alive from exactly the introduced address, once and only within five seconds", () => {
    introduce(PEER, COORDINATOR);
    traversal.keepAlive("9.9.9.2:40001");
    expect(port.rendezvous()).toEqual([]);
    traversal.keepAlive(PEER_REFLEX);
    traversal.keepAlive(PEER_REFLEX);
    expect(port.rendezvous()).toEqual([
      { to: COORDINATOR, message: { kind: "ack", fromPeer: 1n, toPeer: PEER, punchId: 0 } },
    ]);
    introduce(PEER, COORDINATOR, 1000);
    passTo(6500);
    traversal.keepAlive(PEER_REFLEX);
    expect(port.rendezvous()).toHaveLength(1);
  });

  it("gives a second introduction its full time, whatever became of the first", () => {
    introduce(PEER, COORDINATOR);
    traversal.keepAlive(PEER_REFLEX);
    introduce(PEER, COORDINATOR, 4000);
    passTo(9000);
    traversal.keepAlive(PEER_REFLEX);
    expect(port.rendezvous()).toHaveLength(2);
  });

  it("fires at once when the moment is over, and never later than five seconds from now", () => {
    introduce(PEER, COORDINATOR, 0, -10_000);
    passTo(0);
    expect(port.keepAlives).toHaveLength(1);
    introduce(PEER, COORDINATOR, 1000, 1_000_000);
    passTo(6250);
    expect(port.keepAlives).toHaveLength(4);
    expect(traversal.deadline()).toBeLessThanOrEqual(11_000);
  });

  it("lets nobody make it send to more than 64 addresses at a time", () => {
    for (let number = 0; number < 200; number += 1) {
      receive(COORDINATOR, {
        kind: "introduce",
        peer: BigInt(100 + number),
        peerReflex: `9.9.9.9:${1000 + number}`,
        fireAtMs: BigInt(WALL),
      });
    }
    passTo(10_000);
    expect(new Set(port.keepAlives.map(({ to }) => to)).size).toBe(64);
  });
});

describe("connecting with the help of a coordinator", () => {
  let outcomes: ConnectOutcome[];

  const connect = (now = 0): void => {
    outcomes = [];
    traversal.connectDirect(PEER, KEY, COORDINATOR, now, (outcome) => outcomes.push(outcome));
  };
  const acknowledge = (from: bigint, now = 700): void => {
    receive(from, { kind: "ack", fromPeer: PEER, toPeer: 1n, punchId: 0 }, now);
  };
  const finish = (ok: boolean): void => {
    port.handshakes.at(-1)?.done(ok ? { ok } : { ok, reason: "handshake timeout" });
  };

  beforeEach(() => {
    port.sessions.set(COORDINATOR, "3.3.3.3:3").set(STRANGER, "4.4.4.4:4");
    port.announced.set(PEER, { natClass: "cone", reflex: PEER_REFLEX });
  });

  it("goes straight to an open node, and over the mesh when that fails", () => {
    port.announced.set(PEER, { natClass: "open", reflex: PEER_REFLEX });
    connect();
    expect(port.handshakes[0]?.path).toEqual({ kind: "address", address: PEER_REFLEX });
    finish(false);
    expect(port.handshakes[1]?.path).toEqual({ kind: "route" });
    finish(true);
    expect(outcomes).toEqual([{ ok: true, path: "relayed" }]);
    expect(traversal.stats).toEqual({
      punchesAttempted: 0,
      punchesSucceeded: 0,
      relayFallbacks: 1,
    });
  });

  it("punches, and goes to the introduced address once the other side heard it", () => {
    connect();
    expect(port.rendezvous()).toEqual([
      {
        to: COORDINATOR,
        message: { kind: "request", target: PEER, reflex: port.boundAddress() },
      },
    ]);
    introduce(PEER, COORDINATOR, 100);
    acknowledge(COORDINATOR);
    expect(port.handshakes[0]?.path).toEqual({ kind: "address", address: PEER_REFLEX });
    finish(true);
    expect(outcomes).toEqual([{ ok: true, path: "punched" }]);
    expect(traversal.stats).toEqual({
      punchesAttempted: 1,
      punchesSucceeded: 1,
      relayFallbacks: 0,
    });
  });

  it("ignores introductions and acknowledgements by others than the coordinator", () => {
    connect();
    introduce(PEER, STRANGER, 100);
    expect(traversal.stats.punchesAttempted).toBe(0);
    introduce(PEER, COORDINATOR, 100);
    acknowledge(STRANGER);
    expect(port.handshakes).toEqual([]);
    acknowledge(COORDINATOR);
    expect(port.handshakes).toHaveLength(1);
  });

  it("goes by the coordinator when no introduction comes within five seconds", () => {
    connect(10);
    passTo(5009);
    expect(port.handshakes).toEqual([]);
    passTo(5010);
    expect(port.handshakes[0]?.path).toEqual({ kind: "relay", relay: COORDINATOR });
    finish(true);
    expect(outcomes).toEqual([{ ok: true, path: "relayed" }]);
    expect(traversal.stats).toEqual({
      punchesAttempted: 0,
      punchesSucceeded: 0,
      relayFallbacks: 1,
    });
  });

  it("goes by the coordinator when the other side hears nothing for five seconds, or its handshake fails", () => {
    connect();
    introduce(PEER, COORDINATOR, 1000);
    passTo(5999);
    expect(port.handshakes).toEqual([]);
    passTo(6000);
    expect(port.handshakes[0]?.path).toEqual({ kind: "relay", relay: COORDINATOR });
    finish(false);
    expect(outcomes).toMatchObject([
      { ok: false, failure: { message: "traversal: transport: handshake timeout" } },
    ]);
    connect(20_000);
    introduce(PEER, COORDINATOR, 20_000);
    acknowledge(COORDINATOR, 20_700);
    finish(false);
    expect(port.handshakes.at(-1)?.path).toEqual({ kind: "relay", relay: COORDINATOR });
  });

  it("asks for one meeting with a peer at a time", () => {
    connect();
    const first = outcomes;
    connect(1);
    expect(outcomes).toMatchObject([{ ok: false, failure: { kind: "transport" } }]);
    expect(first).toEqual([]);
  });

  it("needs the coordinator as a peer, or for an open node its address", () => {
    port.sessions.delete(COORDINATOR);
    connect();
    expect(outcomes).toMatchObject([{ ok: false, failure: { kind: "peer-not-reachable" } }]);
    port.announced.set(PEER, { natClass: "open" });
    connect();
    expect(outcomes).toMatchObject([{ ok: false, failure: { kind: "peer-not-reachable" } }]);
  });

  it("leaves a session alone that runs over the wanted address already", () => {
    port.announced.set(PEER, { natClass: "open", reflex: PEER_REFLEX });
    port.sessions.set(PEER, PEER_REFLEX);
    connect();
    expect(outcomes).toEqual([{ ok: true, path: "existing" }]);
    expect(port.handshakes).toEqual([]);
  });
});
