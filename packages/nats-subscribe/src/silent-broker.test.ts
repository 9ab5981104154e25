import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { SUBJECT, watch } from "./test-cell.testing.js";

describe("a broker that does not answer", () => {
  it("does not hold up the end of a subscription", async () => {
    // It greets, and then says nothing more.
    const server = createServer((socket) => {
      socket.write('INFO {"server_id":"s","version":"2.10.0","max_payload":1048576}\r\n');
      let pongs = 0;
      socket.on("data", (data) => {
        // The first answer is for the connection itself.
        if (data.includes("PING") && pongs === 0) socket.write("PONG\r\n");
        pongs += 1;
      });
      socket.on("error", () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const { subscription } = watch(SUBJECT, { urls: `nats://127.0.0.1:${port}` });
      const connections = (): Promise<number> =>
        new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
      await vi.waitFor(async () => expect(await connections()).toBe(1), 10_000);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await subscription.close();
    } finally {
      server.close();
    }
  });
});
