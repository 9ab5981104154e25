import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { UdpSocket } from "./udp-socket.js";

describe("a socket that has sent everything", () => {
  it("looks at no datagram again, so that its bytes may be written to", async () => {
    const received: string[] = [];
    const to = await UdpSocket.bind({
      bind: "127.0.0.1:0",
      received: (datagram) => received.push(Buffer.from(datagram).toString("latin1")),
    });
    const from = await UdpSocket.bind({ bind: "127.0.0.1:0", received: () => undefined });
    let datagram = Buffer.alloc(2000);
    const sent: string[] = [];
    for (let count = 0; count < 500; count += 1) {
      datagram.fill(String(count).padStart(4, "0"));
      sent.push(datagram.toString("latin1"));
      from.send(datagram, to.address);
      if (!from.hasSentAll) datagram = Buffer.alloc(2000);
      // Few at a time, so that the receiver's buffer holds them.
      if (count % 10 === 9) await turn();
    }
    await expect.poll(() => received.length, { timeout: 60_000 }).toBe(sent.length);
    expect(received).toEqual(sent);
    await from.close();
    await to.close();
    expect([from.hasSentAll, from.stats.sendErrors]).toEqual([true, 0]);
  });
});
