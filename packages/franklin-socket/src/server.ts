import { randomBytes } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";
import type { FederationKeys } from "@gaiaftcl/witness";
import { BoundSocket } from "./bound-socket.js";
import type { CommandHandler, CommandSealer } from "./command-runner.js";
import { DaemonLock } from "./daemon-lock.js";
import { encodeFrame } from "./frame.js";
import { FranklinError } from "./franklin-error.js";
import { type FranklinLimits, limitsFrom } from "./limits.js";
import { type Logger, SILENT } from "./logger.js";
import { refusalText } from "./message.js";
import { ensureNoFederationKey, type Operators } from "./operators.js";
import { type ConnectionListener, ServerConnection } from "./server-connection.js";
import { ensurePrivateDirectory, ensureSocketPath } from "./socket-guard.js";

export type { CommandHandler, CommandSealer } from "./command-runner.js";
export { type LockHolder, lockHolder } from "./daemon-lock.js";
export { FranklinError, type FranklinErrorCode } from "./franklin-error.js";
export { DEFAULT_LIMITS, type FranklinLimits } from "./limits.js";
export type { Logger } from "./logger.js";
export type { ResponseSeal } from "./message.js";
export { loadOperators, type Operator, type Operators } from "./operators.js";
export type { DeclinedOutcome, OkOutcome, Outcome } from "./outcome.js";
export type { FranklinRequest, RequestContext } from "./pending-command.js";

export interface FranklinServerOptions {
  /** The socket; its directory is created with mode 0700 where it is missing. */
  readonly socketPath: string;
  /** The lock that keeps a second daemon out; default: the socket path with `.lock` for `.sock`. */
  readonly lockPath?: string;
  readonly operators: Operators;
  /** None of these may be an operator's key. */
  readonly federationKeys?: FederationKeys;
  readonly handler: CommandHandler;
  readonly seal: CommandSealer;
  readonly limits?: Partial<FranklinLimits>;
  readonly logger?: Logger;
  /** Closes the server when aborted. */
  readonly signal?: AbortSignal;
}

/** What a server has at this moment, and what it has seen. */
export interface FranklinServerStats {
  readonly connections: number;
  /** Of these, without a finished handshake. */
  readonly unauthenticated: number;
  readonly inFlight: number;
  /** Bytes held for peers: received and not yet used, or not yet taken by the peer. */
  readonly heldBytes: number;
  /** Since the start: connections, handshakes accepted, connections turned away for lack of room. */
  readonly connected: number;
  readonly accepted: number;
  readonly turnedAway: number;
  readonly requests: number;
}

/**
 * The Franklin daemon's socket (cell format, section 6): operators connect, prove who they are, and
 * every request they make is handled, sealed and answered with its seal.
 */
export class FranklinServer implements AsyncDisposable {
  readonly socketPath: string;
  readonly #options: FranklinServerOptions;
  readonly #limits: FranklinLimits;
  readonly #logger: Logger;
  readonly #server: Server;
  readonly #listener: ConnectionListener;
  readonly #connections = new Set<ServerConnection>();
  /** Their socket is closed, their last commands are not sealed yet. */
  readonly #finishing = new Set<ServerConnection>();
  readonly #onAbort = (): void => void this.close();
  readonly #counters = { connected: 0, accepted: 0, turnedAway: 0, requests: 0 };
  #operators: Operators;
  #unauthenticated = 0;
  #lock: DaemonLock | undefined;
  #bound: BoundSocket | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: FranklinServerOptions, socketPath: string) {
    this.socketPath = socketPath;
    this.#options = options;
    this.#operators = options.operators;
    this.#limits = limitsFrom(options.limits);
    this.#logger = options.logger ?? SILENT;
    this.#listener = this.#listenTo();
    this.#server = createServer((socket) => this.#admit(socket));
  }

  /**
   * Takes the lock, binds the socket and listens.
   *
   * @throws FranklinError `ALREADY_RUNNING` naming the process, `SOCKET_UNSAFE`, `PATH_TOO_LONG`,
   *   `PERMISSION_DENIED`, `LOCK_UNUSABLE`, `BIND_FAILED`, `FEDERATION_KEY`, `OPTION_INVALID`,
   *   `PLATFORM_UNSUPPORTED`; the reason of `signal` if it is aborted
   */
  static async listen(options: FranklinServerOptions): Promise<FranklinServer> {
    options.signal?.throwIfAborted();
    ensureNoFederationKey(options.operators, options.federationKeys);
    const socketPath = ensureSocketPath(options.socketPath);
    const server = new FranklinServer(options, socketPath);
    await ensurePrivateDirectory(dirname(socketPath));
    await server.#open(options.lockPath ?? lockPathOf(socketPath));
    options.signal?.addEventListener("abort", server.#onAbort, { once: true });
    if (options.signal?.aborted === true) {
      await server.close();
      options.signal.throwIfAborted();
    }
    return server;
  }

  stats(): FranklinServerStats {
    let inFlight = 0;
    let heldBytes = 0;
    for (const connection of [...this.#connections, ...this.#finishing]) {
      inFlight += connection.inFlight;
      heldBytes += connection.heldBytes;
    }
    return {
      connections: this.#connections.size,
      unauthenticated: this.#unauthenticated,
      inFlight,
      heldBytes,
      ...this.#counters,
    };
  }

  /**
   * Replaces the operators. What they may do changes at once; connections of operators that are
   * gone, or have another key now, are closed.
   *
   * @throws FranklinError `FEDERATION_KEY`; the operators stay as they were
   */
  setOperators(operators: Operators): void {
    ensureNoFederationKey(operators, this.#options.federationKeys);
    this.#operators = operators;
    for (const connection of this.#connections) connection.recheckOperator();
  }

  /**
   * Stops listening, tells the handlers of requests in flight to stop, seals and answers what comes
   * of them within `limits.closeMs` and the rest as `blocked`, then removes the socket and frees the
   * lock. Calling it again waits for the same end.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #open(lockPath: string): Promise<void> {
    this.#lock = DaemonLock.acquire(lockPath, this.socketPath);
    try {
      this.#bound = await BoundSocket.bind(this.#server, this.socketPath);
    } catch (error) {
      this.#lock.release();
      throw error;
    }
    this.#server.on("error", (error) => this.#logger.error({ error }, "the socket failed"));
    this.#logger.info({ socketPath: this.socketPath }, "listening for operators");
  }

  #admit(socket: Socket): void {
    this.#counters.connected += 1;
    const full = this.#fullness();
    if (full !== undefined) {
      this.#turnAway(socket, full);
      return;
    }
    this.#unauthenticated += 1;
    const { handler, seal } = this.#options;
    const now = (): number => performance.now();
    this.#connections.add(
      new ServerConnection({
        socket,
        session: { challenge: randomBytes(32), operators: () => this.#operators },
        runner: { handler, seal, requestMs: this.#limits.requestMs, logger: this.#logger, now },
        limits: this.#limits,
        listener: this.#listener,
      }),
    );
  }

  #fullness(): FranklinError | undefined {
    const { connections, unauthenticated } = this.#limits;
    if (this.#closing !== undefined) return new FranklinError("CLOSED", CLOSING);
    if (this.#connections.size >= connections) {
      return new FranklinError("BUSY", `${connections} connections are open; try again`);
    }
    if (this.#unauthenticated < unauthenticated) return undefined;
    return new FranklinError("BUSY", `${unauthenticated} handshakes are under way; try again`);
  }

  #turnAway(socket: Socket, reason: FranklinError): void {
    this.#counters.turnedAway += 1;
    socket.on("error", () => undefined);
    socket.write(encodeFrame(refusalText(reason)));
    socket.destroySoon();
  }

  #listenTo(): ConnectionListener {
    return {
      accepted: (_, operatorContext) => {
        this.#unauthenticated -= 1;
        this.#counters.accepted += 1;
        this.#logger.debug({ operatorContext }, "operator accepted");
      },
      requested: () => {
        this.#counters.requests += 1;
      },
      ended: (connection, reason) => {
        if (!connection.isAccepted) this.#unauthenticated -= 1;
        this.#connections.delete(connection);
        this.#finishing.add(connection);
        if (reason !== undefined) {
          const { code, message } = reason;
          this.#logger.info({ code }, `connection closed: ${message}`);
        }
      },
      finished: (connection) => {
        this.#finishing.delete(connection);
      },
    };
  }

  async #close(): Promise<void> {
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    const cut = new AbortController();
    const giveUp = Promise.withResolvers<void>();
    const soft = setTimeout(() => cut.abort(), this.#limits.closeMs);
    const hard = setTimeout(giveUp.resolve, 2 * this.#limits.closeMs);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const reason = new FranklinError("CLOSED", CLOSING);
    const ends = [...this.#connections, ...this.#finishing].map((connection) =>
      connection.close(reason, cut.signal),
    );
    await Promise.race([Promise.all([closed, ...ends]), giveUp.promise]);
    clearTimeout(soft);
    clearTimeout(hard);
    for (const connection of this.#connections) connection.destroy();
    try {
      await this.#bound?.remove();
    } catch (error) {
      this.#logger.error({ error }, "the socket file could not be removed");
    }
    // Last: until then nobody else may touch the socket file.
    this.#lock?.release();
  }
}

const CLOSING = "the server is closing";

/** `franklin.lock` for `franklin.sock`. */
function lockPathOf(socketPath: string): string {
  return `${socketPath.replace(/\.sock$/, "")}.lock`;
}
