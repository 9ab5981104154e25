import { connect, type Socket } from "node:net";

/** A socket to a broker that speaks the protocol by hand; bytes are latin1. */
export class RawClient implements Disposable {
  readonly socket: Socket;
  /** Everything received so far, INFO included. */
  received = "";
  closed = false;
  #changed: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    const changed = (): void => {
      const waiting = this.#changed;
      this.#changed = [];
      for (const wake of waiting) wake();
    };
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.received += text;
      changed();
    });
    // A reset is one of the ways in which a broker may end a connection.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.closed = true;
      changed();
    });
  }

  /** Connects and waits for INFO. */
  static async open(port: number, host = "127.0.0.1"): Promise<RawClient> {
    const client = new RawClient(connect({ port, host }));
    await client.until(() => client.received.includes("\r\n") || client.closed);
    return client;
  }

  /** The members of the first INFO. */
  get info(): Record<string, unknown> {
    return JSON.parse(/INFO (\{.*?\}) ?\r\n/u.exec(this.received)?.[1] ?? "{}");
  }

  send(text: string): void {
    this.socket.write(Buffer.from(text, "latin1"));
  }

  /** Sends `text`, and waits until the broker has answered a PING after it, or closed. */
  async exchange(text: string): Promise<string> {
    const before = this.received.length;
    this.send(`${text}PING\r\n`);
    const answer = (): string => this.received.slice(before);
    await this.until(() => answer().endsWith("PONG\r\n") || this.closed);
    return answer().replace(/PONG\r\n$/u, "");
  }

  /** Waits until the condition holds; it is looked at whenever something arrives. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((wake) => {
        this.#changed.push(wake);
      });
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
