import { once } from "node:events";
import { connect } from "node:net";
import fc from "fast-check";
import { expect, it } from "vitest";
import { NatsBroker } from "./nats-broker.js";
import { RawClient } from "./raw-client.testing.js";

const CONNECT = 'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n';

const operation = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(CONNECT, "SUB a.* 1\r\n", "SUB > q 2\r\n", "UNSUB 1\r\n"),
  },
  { weight: 4, arbitrary: fc.constantFrom("PING\r\n", "PONG\r\n", "PUB a.b r 5\r\nhello\r\n") },
  { weight: 2, arbitrary: fc.constant("HPUB a.b 12 14\r\nNATS/1.0\r\n\r\nhi\r\n") },
  { weight: 2, arbitrary: fc.constant(`PUB a.b 90000\r\n${"x".repeat(90_000)}\r\n`) },
  // Never finished, or never valid.
  {
    weight: 1,
    arbitrary: fc.constantFrom(`PUB a.b 90000\r\n${"y".repeat(900)}`, "PUB x", "\0", "CONNECT {"),
  },
);
const attack = fc.record({
  operations: fc.array(fc.record({ bytes: operation, cut: fc.nat(100_000) }), { maxLength: 30 }),
  reads: fc.boolean(),
  leaves: fc.constantFrom("end", "destroy", "reset"),
});

type Attack = typeof attack extends fc.Arbitrary<infer T> ? T : never;

async function run(port: number, { operations, reads, leaves }: Attack): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  const closed = new Promise((settle) => socket.once("close", settle));
  socket.on("error", () => undefined);
  await once(socket, "connect");
  if (reads) socket.resume();
  for (const { bytes, cut } of operations) {
    socket.write(bytes.slice(0, cut));
    await new Promise(setImmediate);
    socket.write(bytes.slice(cut));
  }
  if (leaves === "destroy") socket.destroy();
  else if (leaves === "reset") socket.resetAndDestroy();
  else socket.resume().end();
  await closed;
}

it("clients that do anything, together, leave nothing behind and disturb nobody", async () => {
  const broker = await NatsBroker.listen({ maxPayload: 100_000, maxPending: 1_000_000 });
  using good = await RawClient.open(broker.port);
  await good.exchange(`${CONNECT}SUB good 1\r\n`);
  await fc.assert(
    fc.asyncProperty(fc.array(attack, { minLength: 10, maxLength: 20 }), async (attacks) => {
      await Promise.all(attacks.map((one) => run(broker.port, one)));
      expect(await good.exchange("PUB good 2\r\nok\r\n")).toBe("MSG good 1 2\r\nok\r\n");
      while (broker.stats().connections > 1) await new Promise((turn) => setTimeout(turn, 2));
      expect(broker.stats()).toMatchObject({ subscriptions: 1, pendingBytes: 0 });
    }),
    { numRuns: 20 },
  );
  await broker.close();
});
