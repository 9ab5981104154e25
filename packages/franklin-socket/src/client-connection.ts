import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { type ClientEvent, ClientSession, type ClientSessionOptions } from "./client-session.js";
import { FranklinError, quote, systemCode } from "./franklin-error.js";
import type { VerifiedResponse } from "./response-verifier.js";

/** How a request may end before its response comes. */
export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. */
  readonly timeoutMs: number;
}

/** Signs the 32 bytes of a challenge. */
export type SignChallenge = (challenge: Uint8Array) => Promise<Uint8Array> | Uint8Array;

interface Waiter {
  resolve(response: VerifiedResponse): void;
  reject(error: unknown): void;
}

/** Drives one client session over one socket. */
export class ClientConnection {
  readonly #socket: Socket;
  readonly #session: ClientSession;
  readonly #sign: SignChallenge;
  readonly #waiters = new Map<string, Waiter>();
  readonly #accepted = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  /** Request ids of two connections never meet. */
  readonly #idPrefix = randomBytes(9).toString("base64url");
  #lastId = 0;
  #error: FranklinError | undefined;
  #isFlushDue = false;

  constructor(socket: Socket, options: ClientSessionOptions, sign: SignChallenge) {
    this.#socket = socket;
    this.#session = new ClientSession(options);
    this.#sign = sign;
    // Whoever does not wait for the handshake any more has its error already.
    this.#accepted.promise.catch(() => undefined);
    socket.on("data", (chunk: Buffer) => {
      this.#session.receive(chunk);
      this.#advance();
    });
    socket.on("error", (error) => this.fail(connectionError(error)));
    socket.on("close", () => {
      this.fail(
        new FranklinError(
          "SERVER_GONE",
          "the server closed the connection; see whether it runs with: gaiaftcl cell status",
        ),
      );
      this.#closed.resolve();
    });
  }

  /** Resolves when the handshake is accepted. */
  get accepted(): Promise<void> {
    return this.#accepted.promise;
  }

  /** Resolves when the socket is closed. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Why the connection ended. */
  get error(): FranklinError | undefined {
    return this.#error;
  }

  /**
   * Sends a request and waits for its verified response. Who stops waiting does not stop the
   * server: its response is verified and dropped.
   */
  request(method: string, args: unknown, options: RequestOptions): Promise<VerifiedResponse> {
    const { signal, timeoutMs } = options;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    this.#lastId += 1;
    const requestId = `${this.#idPrefix}-${this.#lastId}`;
    return new Promise((resolve, reject) => {
      this.#session.request(requestId, method, args);
      const timer = setTimeout(() => {
        leave(
          new FranklinError(
            "TIMEOUT",
            `no response to ${quote(method)} within ${timeoutMs / 1000} s; the server may still carry it out`,
          ),
        );
      }, timeoutMs);
      const onAbort = (): void => leave(signal?.reason);
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        this.#waiters.delete(requestId);
      };
      const leave = (error: unknown): void => {
        this.#session.withdraw(requestId);
        settle();
        reject(error);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiters.set(requestId, {
        resolve: (response) => {
          settle();
          resolve(response);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      this.#flushLater();
    });
  }

  /** Ends the connection at once; what still waits is rejected with `error`. */
  fail(error: FranklinError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#session.close(error);
    this.#accepted.reject(error);
    for (const waiter of [...this.#waiters.values()]) waiter.reject(error);
    this.#socket.destroy();
  }

  #advance(): void {
    for (let event = this.#session.next(); event; event = this.#session.next()) {
      this.#handle(event);
    }
    this.#flushLater();
  }

  #handle(event: ClientEvent): void {
    switch (event.type) {
      case "challenge":
        void this.#answer(event.challenge);
        break;
      case "accepted":
        this.#accepted.resolve();
        break;
      case "response":
        this.#waiters.get(event.response.requestId)?.resolve(event.response);
        break;
      case "failed":
        this.#waiters.get(event.requestId)?.reject(event.error);
        break;
      case "closed":
        this.fail(event.error);
        break;
    }
  }

  async #answer(challenge: Uint8Array): Promise<void> {
    try {
      const signature = await this.#sign(challenge);
      if (this.#error !== undefined) return;
      this.#session.answer(signature);
      this.#flushLater();
    } catch (cause) {
      this.fail(
        cause instanceof FranklinError
          ? cause
          : new FranklinError("CHALLENGE_REFUSED", "the challenge was not signed", { cause }),
      );
    }
  }

  /** Everything that is asked in one turn goes out in one write. */
  #flushLater(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    process.nextTick(() => {
      this.#isFlushDue = false;
      const output = this.#session.takeOutput();
      if (output !== undefined && !this.#socket.destroyed) this.#socket.write(output);
    });
  }
}

/** What a system error on the socket means for the one who wanted to connect. */
function connectionError(cause: Error): FranklinError {
  const code = systemCode(cause);
  const details = { cause };
  switch (code) {
    case "ENOENT":
      return new FranklinError(
        "SOCKET_MISSING",
        "the socket is gone: the cell is not running; start it with: gaiaftcl cell start",
        details,
      );
    case "ECONNREFUSED":
      return new FranklinError(
        "SERVER_GONE",
        "nobody listens on the socket: the cell ended without removing it; start it again with: gaiaftcl cell start",
        details,
      );
    case "EAGAIN":
      return new FranklinError("BUSY", "too many connections wait to be accepted", details);
    case "EACCES":
    case "EPERM":
      return new FranklinError(
        "PERMISSION_DENIED",
        `no permission for the socket (${code})`,
        details,
      );
    default:
      return new FranklinError(
        "SERVER_GONE",
        `the connection broke (${code ?? cause.message}); see whether the cell runs with: gaiaftcl cell status`,
        details,
      );
  }
}
