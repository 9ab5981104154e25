import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { connectLine, MemoryClient, memoryRouter } from "./memory-client.testing.js";

describe("queue groups", () => {
  it("give each message to exactly one member of each group, and to all others", () => {
    const router = memoryRouter();
    const clients = Array.from({ length: 6 }, () => new MemoryClient(router));
    const groups = ["g", "g", "g", "h", "h", ""];
    clients.forEach((client, index) => {
      client.send(`${connectLine()}SUB ${index % 2 === 0 ? "a.*" : "a.b"} ${groups[index]} 1\r\n`);
    });
    const publisher = new MemoryClient(router);
    const received = new Map<string, number[]>();
    for (let id = 0; id < 300; id += 1) {
      publisher.send(`PUB a.b 3\r\n${String(id).padStart(3, "0")}\r\n`);
      clients.forEach((client, index) => {
        const ids = [...client.take().matchAll(/^(\d{3})\r$/gmu)].map(([, digits]) =>
          Number(digits),
        );
        received.set(groups[index] ?? "", [...(received.get(groups[index] ?? "") ?? []), ...ids]);
      });
    }
    const all = Array.from({ length: 300 }, (_, id) => id);
    for (const group of ["g", "h", ""]) {
      expect(received.get(group)?.toSorted((a, b) => a - b)).toEqual(all);
    }
  });

  it("pick members at random, passing over those that take nothing", () => {
    let next = 0;
    const router = memoryRouter({}, { random: () => next });
    const [first, second] = [new MemoryClient(router), new MemoryClient(router)];
    first.send(`${connectLine({ echo: false })}SUB a g 1\r\n`);
    second.send(`${connectLine()}SUB a g 2\r\nUNSUB 2 2\r\n`);
    // The member picked published the message itself and wants no echo.
    first.send("PUB a 1\r\n1\r\n");
    expect(second.take()).toBe("MSG a 2 1\r\n1\r\n");
    next = 0.9;
    second.send("PUB a 1\r\n2\r\nPUB a 1\r\n3\r\n");
    expect(first.take()).toBe("MSG a 1 1\r\n3\r\n");
  });
});

describe("many clients doing anything", () => {
  const subject = fc.constantFrom("a", "a.b", "a.c", "b.b", "a..b", "*", "a.>");
  const pattern = fc.constantFrom("a", "a.b", "a.*", "*.b", ">", "a.>", "*", "a..", ">.a");
  const action = fc.oneof(
    fc
      .tuple(pattern, fc.constantFrom("", " g", " h"), fc.nat(4))
      .map(([p, q, sid]) => `SUB ${p}${q} ${sid}\r\n`),
    fc
      .tuple(fc.nat(4), fc.constantFrom("", " 1", " 2", " x"))
      .map(([sid, max]) => `UNSUB ${sid}${max}\r\n`),
    fc
      .tuple(subject, fc.constantFrom("", " r", " a"))
      .map(([s, reply]) => `PUB ${s}${reply} 2\r\nhi\r\n`),
    fc.constantFrom(
      "PING\r\n",
      connectLine(),
      connectLine({ echo: false }),
      connectLine({ headers: false }),
    ),
    fc.string({ unit: "binary", maxLength: 6 }),
  );

  it("leave no subscription, byte or route behind, and never an exception", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), action), { maxLength: 60 }), (steps) => {
        const router = memoryRouter({ maxPayload: 100, maxPending: 2_000 });
        const clients = [0, 1, 2, 3].map(() => new MemoryClient(router));
        clients.forEach((client, index) => {
          client.reading = index !== 3;
        });
        for (const [index, text] of steps) clients[index]?.send(text);
        router.tick(1_000_000);
        router.tick(2_000_000);
        const open = [...router.sessions].reduce((sum, one) => sum + one.subscriptions.size, 0);
        expect(router.subscriptions).toBe(open);
        for (const client of clients) {
          client.session.closed();
          client.resume();
        }
        expect([router.subscriptions, router.sessions.size, router.output.pendingBytes]).toEqual([
          0, 0, 0,
        ]);
        const late = new MemoryClient(router);
        late.send(connectLine());
        expect(late.send("PUB a.b 2\r\nhi\r\nPING\r\n")).toBe("PONG\r\n");
      }),
      { numRuns: 300 },
    );
  });

  it("get what an uncached search over all subscriptions finds", () => {
    const quiet = fc.oneof(
      fc
        .tuple(fc.constantFrom("SUB"), pattern, fc.nat(6))
        .map(([verb, p, sid]) => `${verb} ${p} ${sid}\r\n`),
      fc.nat(6).map((sid) => `UNSUB ${sid}\r\n`),
      subject.map((s) => `PUB ${s} 0\r\n\r\n`),
    );
    fc.assert(
      fc.property(fc.array(quiet, { maxLength: 40 }), subject, (steps, published) => {
        const used = memoryRouter();
        const client = new MemoryClient(used);
        client.send(connectLine());
        for (const step of steps) client.send(step);
        // The same subscriptions in a router that has never published anything.
        const fresh = new MemoryClient(memoryRouter());
        fresh.send(connectLine());
        for (const { subject: one, sid } of client.session.subscriptions.values()) {
          fresh.send(`SUB ${one} ${sid}\r\n`);
        }
        const sorted = (text: string): string[] => text.split("\r\n").sort();
        const publish = `PUB ${published} 0\r\n\r\n`;
        expect(sorted(client.send(publish))).toEqual(sorted(fresh.send(publish)));
      }),
    );
  });
});
