import { connect, type Socket } from "node:net";

/** A socket that speaks the protocol by hand; bytes are latin1. */
export class RawClient implements Disposable {
  readonly socket: Socket;
  received = "";
  closed = false;
  #wake: () => void = () => undefined;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1" });
    this.socket.setNoDelay(true);
    this.socket.setEncoding("latin1");
    this.socket.on("data", (text: string) => {
      this.received += text;
      this.#wake();
    });
    // A reset is one of the ways in which a broker may end a connection.
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => {
      this.closed = true;
      this.#wake();
    });
  }

  /** Waits for INFO, writes each chunk by itself, and waits for the last PONG or the end. */
  async exchange(chunks: readonly string[]): Promise<string> {
    await this.until(() => this.received.includes("\r\n"));
    const sent = chunks.join("");
    for (const chunk of chunks) {
      if (chunk === "") continue;
      await new Promise((written) => {
        this.socket.write(Buffer.from(chunk, "latin1"), written);
      });
    }
    // The bytes themselves say how many answers there will be, if it does not come to an end before.
    const pings = sent.toUpperCase().split(/^PING/mu).length - 1;
    const last = /PING[^\n]*\r?\n$/iu.test(sent);
    const answered = (): boolean => this.received.split("PONG\r\n").length - 1 === pings;
    await this.until(() => this.closed || (last && answered()));
    return this.transcript;
  }

  /** What came after INFO, and whether the broker closed. */
  get transcript(): string {
    return `${this.received.replace(/^INFO .*\r\n/u, "")}${this.closed ? "<closed>" : ""}`;
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
