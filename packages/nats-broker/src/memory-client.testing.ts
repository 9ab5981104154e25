import type { BrokerLogger } from "./exchange.js";
import type { BrokerLimits } from "./limits.js";
import { resolveLimits } from "./limits.js";
import type { Batch } from "./outbox.js";
import { Router } from "./router.js";
import type { Session } from "./session.js";

/** A router whose clients live in memory; `warnings` is what it logged. */
export function memoryRouter(
  limits: Partial<BrokerLimits> = {},
  options: { readonly token?: string; readonly random?: () => number } = {},
): Router & { readonly logger: BrokerLogger & { readonly warnings: string[] } } {
  const warnings: string[] = [];
  const logger = { warnings, warn: (_: object, message: string) => void warnings.push(message) };
  const router = new Router(resolveLimits(limits), { ...options, logger });
  return router as Router & { readonly logger: typeof logger };
}

/** A client of a router without a socket: what it sends arrives at once, what it gets is kept. */
export class MemoryClient {
  readonly session: Session;
  received = "";
  destroyed = false;
  ended = false;
  /** While false, the broker's writes stay under way. */
  reading = true;
  readonly #router: Router;
  #underWay: Batch | undefined;

  constructor(router: Router) {
    this.#router = router;
    this.session = router.open(
      { flush: () => this.#flush(), destroy: () => this.#destroy() },
      () => "",
    );
    router.flush();
  }

  /** Sends `text` (latin1) and returns what has been received since the last time. */
  send(text: string): string {
    this.session.receive(Buffer.from(text, "latin1"));
    this.#router.flush();
    return this.take();
  }

  take(): string {
    const { received } = this;
    this.received = "";
    return received;
  }

  /** Lets the write under way complete, and all that follow. */
  resume(): void {
    this.reading = true;
    this.#complete();
  }

  #flush(): void {
    while (this.#underWay === undefined) {
      const { outbox, state } = this.session;
      if (outbox.isEmpty) {
        this.ended = this.ended || state === "ending";
        return;
      }
      this.session.progressed();
      this.#underWay = outbox.take();
      if (!this.reading) return;
      this.#written();
    }
  }

  #complete(): void {
    this.#written();
    this.#flush();
  }

  #written(): void {
    const batch = this.#underWay;
    if (batch === undefined) return;
    this.#underWay = undefined;
    for (const { bytes } of batch.parts) this.received += bytes.toString("latin1");
    this.session.outbox.written(batch);
    this.session.progressed();
  }

  #destroy(): void {
    this.destroyed = true;
    const batch = this.#underWay;
    this.#underWay = undefined;
    if (batch !== undefined) this.session.outbox.written(batch);
  }
}

/** A CONNECT with what the tests of most protocol cases want; `changes` are its members' wire names. */
export function connectLine(changes: Readonly<Record<string, unknown>> = {}): string {
  const options = { verbose: false, pedantic: false, headers: true, no_responders: true };
  return `CONNECT ${JSON.stringify({ ...options, ...changes })}\r\n`;
}
