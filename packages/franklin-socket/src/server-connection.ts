import type { Socket } from "node:net";
import { CommandRunner, type CommandRunnerOptions } from "./command-runner.js";
import { DeadlineTimer } from "./deadline-timer.js";
import { FranklinError } from "./franklin-error.js";
import type { FranklinLimits } from "./limits.js";
import { type ServerEvent, ServerSession, type ServerSessionOptions } from "./server-session.js";

/** Bytes a peer may leave unread before it is asked no further. */
const OUTPUT_LIMIT = 1024 * 1024;
/** How long a connection that was told to go may take to read the last words. */
const LINGER_MS = 1000;

/** What a connection tells its server. */
export interface ConnectionListener {
  accepted(connection: ServerConnection, operatorContext: string): void;
  requested(): void;
  /** The socket is closed; the reason is absent where the peer simply went. */
  ended(connection: ServerConnection, reason: FranklinError | undefined): void;
  /** After `ended`: what was in flight is sealed as well. */
  finished(connection: ServerConnection): void;
}

export interface ServerConnectionOptions {
  readonly socket: Socket;
  readonly session: Omit<ServerSessionOptions, "now" | "limits">;
  readonly runner: CommandRunnerOptions;
  readonly limits: FranklinLimits;
  readonly listener: ConnectionListener;
}

/** Drives one session over one socket. */
export class ServerConnection {
  readonly #socket: Socket;
  readonly #session: ServerSession;
  readonly #runner: CommandRunner;
  readonly #limits: FranklinLimits;
  readonly #listener: ConnectionListener;
  readonly #now: () => number;
  readonly #timer: DeadlineTimer;
  #reason: FranklinError | undefined;
  #isFlushDue = false;
  #isHangingUp = false;
  #isReading = true;
  #isClosing = false;
  #isEnded = false;
  #stalledAt: number | undefined;
  #goneAt: number | undefined;

  constructor(options: ServerConnectionOptions) {
    this.#socket = options.socket;
    this.#limits = options.limits;
    this.#listener = options.listener;
    this.#now = options.runner.now;
    this.#session = new ServerSession({
      ...options.session,
      limits: options.limits,
      now: this.#now(),
    });
    this.#runner = new CommandRunner(options.runner, (ticket, text) => {
      this.#session.respond(ticket, text, this.#now());
      this.#advance();
    });
    this.#timer = new DeadlineTimer(this.#now, () => this.#elapse());
    this.#socket.on("data", (chunk: Buffer) => {
      this.#session.receive(chunk);
      this.#advance();
    });
    this.#socket.on("drain", () => this.#drained());
    // The error is followed by "close"; a peer that goes away is no fault of this side.
    this.#socket.on("error", () => undefined);
    this.#socket.on("close", () => this.#ended());
    this.#advance();
  }

  get isAccepted(): boolean {
    return this.#session.operator !== undefined;
  }

  get inFlight(): number {
    return this.#session.inFlight;
  }

  /** Bytes this side holds for the peer: received and not used, or not yet taken by the peer. */
  get heldBytes(): number {
    return this.#session.heldBytes + this.#socket.writableLength;
  }

  /** Hangs up if its operator is no longer configured as it was. */
  recheckOperator(): void {
    this.#session.recheckOperator();
    this.#advance();
  }

  /**
   * Takes no more requests, waits until those in flight are sealed and answered, and hangs up.
   *
   * @param cut aborted when the wait is over: what is not done by then is answered `blocked`
   */
  async close(reason: FranklinError, cut: AbortSignal): Promise<void> {
    this.#isClosing = true;
    this.#session.hold();
    this.#advance();
    this.#runner.abort(reason);
    const end = (): void => this.#runner.cut(reason);
    cut.addEventListener("abort", end, { once: true });
    if (cut.aborted) end();
    await this.#runner.idle();
    cut.removeEventListener("abort", end);
    this.#session.close(reason);
    this.#advance();
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  #advance(): void {
    const now = this.#now();
    for (let event = this.#session.next(now); event; event = this.#session.next(now)) {
      this.#handle(event);
    }
    this.#flushLater();
    this.#adjustReading();
    this.#arm();
  }

  #handle(event: ServerEvent): void {
    if (event.type === "closed") {
      this.#reason = event.error;
      this.#isHangingUp = true;
    } else if (event.type === "accepted") {
      this.#listener.accepted(this, event.operator.context);
    } else {
      this.#listener.requested();
      const context = this.#session.operator?.context ?? "";
      this.#runner.run(event.ticket, event.request, context);
    }
  }

  /** Everything that becomes ready in one turn goes out in one write. */
  #flushLater(): void {
    if (this.#isFlushDue || !(this.#session.hasOutput || this.#isHangingUp)) return;
    this.#isFlushDue = true;
    process.nextTick(() => {
      this.#isFlushDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#goneAt !== undefined || this.#socket.destroyed) return;
    const output = this.#session.takeOutput();
    if (output !== undefined) this.#socket.write(output);
    if (this.#isHangingUp) {
      this.#goneAt = this.#now();
      this.#runner.abort(this.#reason ?? new FranklinError("CLOSED", "the connection is closed"));
      this.#socket.pause();
      this.#socket.destroySoon();
      this.#arm();
    } else if (this.#socket.writableLength > OUTPUT_LIMIT) {
      this.#stalledAt ??= this.#now();
      this.#session.hold();
      this.#adjustReading();
      this.#arm();
    } else if (output !== undefined) {
      // What was received meanwhile may have waited for the output to go.
      this.#advance();
    }
  }

  #drained(): void {
    if (this.#stalledAt === undefined) return;
    this.#stalledAt = undefined;
    if (!this.#isClosing) this.#session.release(this.#now());
    this.#advance();
  }

  #adjustReading(): void {
    const { wantsInput } = this.#session;
    if (wantsInput === this.#isReading || this.#goneAt !== undefined) return;
    this.#isReading = wantsInput;
    if (wantsInput) this.#socket.resume();
    else this.#socket.pause();
  }

  #arm(): void {
    this.#timer.arm(earliest(this.#session.deadline, this.#runner.deadline, this.#ownDeadline()));
  }

  #ownDeadline(): number | undefined {
    if (this.#isEnded) return undefined;
    if (this.#goneAt !== undefined) return this.#goneAt + LINGER_MS;
    return this.#stalledAt === undefined ? undefined : this.#stalledAt + this.#limits.stallMs;
  }

  #elapse(): void {
    const now = this.#now();
    const own = this.#ownDeadline();
    this.#runner.elapse(now);
    if (own !== undefined && now >= own) {
      this.#reason ??= new FranklinError("STALLED", "the peer does not read its responses");
      this.#socket.destroy();
      return;
    }
    this.#session.elapse(now);
    this.#advance();
  }

  #ended(): void {
    this.#isEnded = true;
    this.#goneAt ??= this.#now();
    const reason = this.#reason ?? new FranklinError("CLOSED", "the operator disconnected");
    this.#listener.ended(this, this.#reason);
    this.#session.close(reason);
    this.#runner.abort(reason);
    this.#arm();
    void this.#runner.idle().then(() => {
      this.#timer.stop();
      this.#listener.finished(this);
    });
  }
}

function earliest(...deadlines: readonly (number | undefined)[]): number | undefined {
  let first: number | undefined;
  for (const deadline of deadlines) {
    if (deadline !== undefined && (first === undefined || deadline < first)) first = deadline;
  }
  return first;
}
