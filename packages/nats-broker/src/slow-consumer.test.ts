import { describe, expect, it } from "vitest";
import { connectLine, MemoryClient, memoryRouter } from "./memory-client.testing.js";

describe("a slow consumer", () => {
  const limits = { maxPayload: 1_000, maxPending: 10_000, writeDeadlineMs: 500 };
  const message = `PUB a 1000\r\n${"x".repeat(1_000)}\r\n`;

  it("is cut off when more is pending than allowed, and nobody else is", () => {
    const router = memoryRouter(limits);
    const [slow, quick, publisher] = [1, 2, 3].map(() => new MemoryClient(router)) as [
      MemoryClient,
      MemoryClient,
      MemoryClient,
    ];
    slow.send(`${connectLine()}SUB a 1\r\n`);
    quick.send(`${connectLine()}SUB a 1\r\n`);
    publisher.send(connectLine());
    slow.reading = false;
    for (let sent = 0; sent < 10; sent += 1) {
      publisher.session.receive(Buffer.from(message), false);
      router.flush();
    }
    expect([slow.destroyed, quick.destroyed, publisher.destroyed]).toEqual([true, false, false]);
    expect(quick.take()).toBe(message.replace("PUB a", "MSG a 1").repeat(10));
    expect(router.stats.slowConsumers).toBe(1);
    expect(router.logger.warnings).toEqual(["slow consumer"]);
    expect([router.sessions.size, router.subscriptions, router.output.pendingBytes]).toEqual([
      2, 1, 0,
    ]);
  });

  it("is cut off when it takes nothing for as long as the write deadline", () => {
    const router = memoryRouter(limits);
    const slow = new MemoryClient(router);
    slow.send(`${connectLine()}SUB a 1\r\n`);
    slow.reading = false;
    slow.send("PUB a 0\r\n\r\n");
    router.tick(499);
    expect(slow.destroyed).toBe(false);
    router.tick(500);
    expect(slow.destroyed).toBe(true);
  });

  it("makes its publishers rest, until it has caught up", () => {
    const router = memoryRouter(limits);
    const [slow, publisher] = [new MemoryClient(router), new MemoryClient(router)];
    slow.send(`${connectLine()}SUB a 1\r\n`);
    publisher.send(connectLine());
    slow.reading = false;
    const bytes = Buffer.from(message.repeat(9));
    const done = publisher.session.receive(bytes);
    router.flush();
    // Half of what may be pending: five messages, and the headers of their deliveries.
    expect([done, publisher.session.stalledBy]).toEqual([message.length * 5, slow.session]);
    let caughtUp = false;
    slow.session.whenRelieved(() => {
      caughtUp = true;
    });
    slow.resume();
    expect(caughtUp).toBe(true);
    expect(publisher.session.receive(bytes.subarray(done))).toBe(bytes.length - done);
    router.flush();
    expect(slow.take()).toBe(message.replace("PUB a", "MSG a 1").repeat(9));
  });

  it("is not waited for by a publisher that is gone", () => {
    const router = memoryRouter(limits);
    const [slow, publisher] = [new MemoryClient(router), new MemoryClient(router)];
    slow.send(`${connectLine()}SUB a 1\r\n`);
    publisher.send(connectLine());
    slow.reading = false;
    const bytes = Buffer.from(message.repeat(9));
    const done = publisher.session.receive(bytes);
    expect(publisher.session.stalledBy).toBe(slow.session);
    publisher.session.closed();
    expect(publisher.session.receive(bytes.subarray(done))).toBe(bytes.length - done);
    expect(publisher.session.stalledBy).toBeUndefined();
  });

  it("lets the publisher go when it closes", () => {
    const router = memoryRouter(limits);
    const slow = new MemoryClient(router);
    let relieved = 0;
    slow.session.whenRelieved(() => {
      relieved += 1;
    });
    slow.session.closed();
    slow.session.closed();
    expect(relieved).toBe(1);
  });

  it("is the one furthest behind when all clients together have too much pending", () => {
    const router = memoryRouter({ ...limits, maxTotalPending: 15_000 });
    const [slower, slow, publisher] = [1, 2, 3].map(() => new MemoryClient(router)) as [
      MemoryClient,
      MemoryClient,
      MemoryClient,
    ];
    slower.send(`${connectLine()}SUB * 1\r\n`);
    slow.send(`${connectLine()}SUB a 1\r\n`);
    publisher.send(connectLine());
    slower.reading = false;
    slow.reading = false;
    publisher.session.receive(Buffer.from(message.replace("PUB a", "PUB b")), false);
    for (let sent = 0; sent < 7; sent += 1) publisher.session.receive(Buffer.from(message), false);
    router.flush();
    expect([slower.destroyed, slow.destroyed]).toEqual([true, false]);
  });

  it("is cut off too when the answers to all clients together are too much", () => {
    const router = memoryRouter({ ...limits, maxTotalPending: 12_000 });
    const clients = [1, 2, 3].map(() => new MemoryClient(router));
    for (const [index, client] of clients.entries()) {
      client.reading = false;
      client.send("PING\r\n".repeat(800 - index));
    }
    // The first had the most; without it the others fit.
    expect(clients.map((client) => client.destroyed)).toEqual([true, false, false]);
    expect(router.output.pendingBytes).toBe((799 + 798) * "PONG\r\n".length);
  });

  it("includes one that asks for answers and reads none", () => {
    const router = memoryRouter(limits);
    const client = new MemoryClient(router);
    client.reading = false;
    client.send("PING\r\n".repeat(2_000));
    expect([client.destroyed, router.output.pendingBytes]).toEqual([true, 0]);
  });
});
