import type { Socket } from "node:net";
import type { Router } from "./router.js";
import type { Session, Transport } from "./session.js";

/** How long a publisher rests at most when a consumer is behind, for each chunk it sent. */
const STALL_MS = 10;

/** The loop around one socket; everything it decides is decided in the session. */
export class Connection implements Transport {
  /** Settles when the socket is gone and every write has been called back. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #router: Router;
  readonly #session: Session;
  #writing = false;

  constructor(socket: Socket, router: Router, info: (id: number) => string) {
    this.#socket = socket;
    this.#router = router;
    this.#session = router.open(this, info);
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#read(chunk, true));
    // A reset is an ordinary end; `close` follows it.
    socket.on("error", () => undefined);
    this.closed = new Promise((settle) => {
      socket.on("close", () => {
        this.#session.closed();
        settle();
      });
    });
    router.flush();
  }

  flush(): void {
    if (this.#writing) return;
    const { outbox, state } = this.#session;
    if (outbox.isEmpty) {
      if (state === "ending") this.#socket.end();
      return;
    }
    this.#session.progressed();
    const batch = outbox.take();
    const written = (): void => {
      this.#writing = false;
      outbox.written(batch);
      this.#session.progressed();
      this.flush();
    };
    this.#writing = true;
    const last = batch.parts.length - 1;
    if (last > 0) this.#socket.cork();
    for (const [index, part] of batch.parts.entries()) {
      if (index === last) this.#socket.write(part.bytes, written);
      else this.#socket.write(part.bytes);
    }
    if (last > 0) this.#socket.uncork();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer, mayStall: boolean): void {
    const done = this.#session.receive(chunk, mayStall);
    const consumer = this.#session.stalledBy;
    this.#router.flush();
    if (consumer === undefined) this.#socket.resume();
    else this.#rest(consumer, chunk.subarray(done));
  }

  /** Stops reading until the consumer has caught up, or has had its time. */
  #rest(consumer: Session, left: Buffer): void {
    this.#socket.pause();
    const timer = setTimeout(() => goOn(false), STALL_MS);
    let resting = true;
    const goOn = (caughtUp: boolean): void => {
      if (!resting) return;
      resting = false;
      clearTimeout(timer);
      this.#read(left, caughtUp);
    };
    consumer.whenRelieved(() => goOn(true));
  }
}
