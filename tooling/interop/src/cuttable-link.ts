import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

/**
 * A way between two nodes on loopback that can be cut: each knows the other by an address of the
 * link. The first datagram from a new source is the caller's; everything else is between the two.
 */
export class CuttableLink implements AsyncDisposable {
  /** At which the caller reaches the other end. */
  readonly address: string;
  /** Which directions pass. */
  readonly passes = { there: true, back: true };
  readonly #outer: Socket;
  readonly #inner: Socket;
  #caller: { readonly address: string; readonly port: number } | undefined;

  private constructor(outer: Socket, inner: Socket, target: string) {
    this.#outer = outer;
    this.#inner = inner;
    this.address = `127.0.0.1:${outer.address().port}`;
    const [host, port] = target.split(":");
    outer.on("message", (datagram, source) => {
      this.#caller = source;
      if (this.passes.there) inner.send(datagram, Number(port), host);
    });
    inner.on("message", (datagram) => {
      const caller = this.#caller;
      if (this.passes.back && caller !== undefined) {
        outer.send(datagram, caller.port, caller.address);
      }
    });
  }

  /** @param target the address of the node that is called through the link */
  static async to(target: string): Promise<CuttableLink> {
    return new CuttableLink(await bound(), await bound(), target);
  }

  cut(): void {
    this.passes.there = false;
    this.passes.back = false;
  }

  mend(): void {
    this.passes.there = true;
    this.passes.back = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of [this.#outer, this.#inner]) {
      const closed = once(socket, "close");
      socket.close();
      await closed;
    }
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}
