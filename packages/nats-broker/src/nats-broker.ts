import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { Connection } from "./connection.js";
import type { BrokerLogger } from "./exchange.js";
import { type BrokerLimits, resolveLimits } from "./limits.js";
import { loopbackAddress } from "./loopback.js";
import { NatsBrokerError } from "./nats-broker-error.js";
import { PatientClock } from "./patient-clock.js";
import { Router, type RouterStats } from "./router.js";

export interface NatsBrokerOptions extends Partial<BrokerLimits> {
  /** A loopback address (default 127.0.0.1). */
  readonly host?: string;
  /** 0, the default, takes a free port. */
  readonly port?: number;
  /** What clients have to present as `token`. */
  readonly token?: string;
  readonly logger?: BrokerLogger;
  /** Closes the broker, also while it is starting. */
  readonly signal?: AbortSignal;
}

export interface NatsBrokerStats extends Readonly<RouterStats> {
  readonly connections: number;
  readonly subscriptions: number;
  /** Bytes that wait for clients to take them. */
  readonly pendingBytes: number;
}

/** The nats-server whose core protocol the broker speaks; clients derive features from it. */
const PROTOCOL_VERSION = "2.15.1";
/** How long clients may take to receive what is pending when the broker closes. */
const FLUSH_MS = 2_000;

/**
 * A core NATS broker in this process for the clients of this host (cell format, section 7).
 *
 * Publications, wildcards, queue groups, request and reply, headers, no-responders; no persistence,
 * no accounts, no clustering, no TLS. It listens on the loopback interface only.
 */
export class NatsBroker implements AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** What clients connect to; the token is not part of it. */
  readonly url: string;
  /** Settles once the broker has closed, for whatever reason. */
  readonly closed: Promise<void>;
  readonly #server: Server;
  readonly #router: Router;
  readonly #info: (changes: object) => string;
  readonly #timer: NodeJS.Timeout;
  #closing = false;

  private constructor(
    server: Server,
    connections: ReadonlySet<Connection>,
    router: Router,
    info: (changes: object) => string,
  ) {
    const { address, port, family } = server.address() as AddressInfo;
    this.host = address;
    this.port = port;
    this.url = `nats://${family === "IPv6" ? `[${address}]` : address}:${port}`;
    this.#server = server;
    this.#router = router;
    this.#info = info;
    this.closed = new Promise<void>((settle) => server.once("close", settle)).then(async () => {
      clearInterval(this.#timer);
      // A server counts a socket as gone a moment before the socket says so itself.
      await Promise.all([...connections].map((connection) => connection.closed));
    });
    this.#timer = tickEvery(router);
  }

  /**
   * Starts a broker and resolves once it takes connections.
   * @throws {NatsBrokerError} for a host that is not loopback, an option out of range, an address
   * in use, or an aborted signal.
   */
  static async listen(options: NatsBrokerOptions = {}): Promise<NatsBroker> {
    const { signal, port = 0, token, logger } = options;
    const host = loopbackAddress(options.host ?? "127.0.0.1");
    const limits = resolveLimits(options);
    checkPort(port);
    checkToken(token);
    if (signal?.aborted) throw aborted(signal);
    const router = new Router(limits, { token, logger });
    const identity = { server_id: randomBytes(20).toString("hex"), server_name: "gaiaftcl" };
    const info = (changes: object): string =>
      `INFO ${JSON.stringify({
        ...identity,
        version: PROTOCOL_VERSION,
        proto: 1,
        host,
        port: (server.address() as AddressInfo | null)?.port ?? port,
        headers: true,
        ...(router.tokenRequired ? { auth_required: true } : {}),
        max_payload: limits.maxPayload,
        ...changes,
      })}\r\n`;
    const connections = new Set<Connection>();
    const server = createServer((socket) => {
      const client_ip = socket.remoteAddress ?? host;
      const connection = new Connection(socket, router, (client_id) =>
        info({ client_id, client_ip }),
      );
      connections.add(connection);
      void connection.closed.then(() => connections.delete(connection));
    });
    await listening(server, host, port);
    // Out of file descriptors, say: those who are connected go on being served.
    server.on("error", (error) => logger?.warn({ error }, "a connection could not be accepted"));
    const broker = new NatsBroker(server, connections, router, info);
    const abort = (): void => void broker.close();
    if (signal?.aborted) {
      await broker.close();
      throw aborted(signal);
    }
    signal?.addEventListener("abort", abort, { once: true });
    void broker.closed.then(() => signal?.removeEventListener("abort", abort));
    return broker;
  }

  stats(): NatsBrokerStats {
    const { stats, sessions, subscriptions, output } = this.#router;
    return {
      ...stats,
      connections: sessions.size,
      subscriptions,
      pendingBytes: output.pendingBytes,
    };
  }

  /**
   * Takes no more connections, writes what is pending and closes those there are. With `graceMs`
   * it first tells clients to go elsewhere (`ldm` in INFO), and waits so long for them to leave.
   * May be called again, with a shorter grace too; all calls settle when the broker has closed.
   */
  close(options: { readonly graceMs?: number } = {}): Promise<void> {
    const graceMs = options.graceMs ?? 0;
    if (!this.#closing) {
      this.#closing = true;
      this.#server.close();
      if (graceMs > 0) this.#announceLameDuck();
    }
    const ending = setTimeout(() => this.#endSessions(), graceMs);
    const last = setTimeout(() => this.#dropSessions(), graceMs + FLUSH_MS);
    return this.closed.finally(() => {
      clearTimeout(ending);
      clearTimeout(last);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #announceLameDuck(): void {
    for (const session of this.#router.sessions) {
      if (session.options.protocol < 1) continue;
      session.notify(this.#info({ client_id: session.id, ldm: true }));
    }
    this.#router.flush();
  }

  #endSessions(): void {
    for (const session of this.#router.sessions) session.end();
    this.#router.flush();
  }

  #dropSessions(): void {
    for (const session of this.#router.sessions) session.drop();
  }
}

async function listening(server: Server, host: string, port: number): Promise<void> {
  server.listen({ host, port, exclusive: true });
  try {
    await once(server, "listening");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "EADDRINUSE") {
      throw new NatsBrokerError(
        "ADDRESS_IN_USE",
        `${host}:${port} is taken, perhaps by a broker that runs already; connect to that one, or pass port 0 for a free port`,
        { cause },
      );
    }
    throw new NatsBrokerError("LISTEN_FAILED", `cannot listen on ${host}:${port}: ${code}`, {
      cause,
    });
  }
}

/** Drives the deadlines of all sessions, several times within the shortest of them. */
function tickEvery(router: Router): NodeJS.Timeout {
  const { pingIntervalMs, writeDeadlineMs, authTimeoutMs } = router.limits;
  const shortest = Math.min(pingIntervalMs, writeDeadlineMs, authTimeoutMs);
  const interval = Math.max(5, Math.min(1_000, Math.floor(shortest / 4)));
  const clock = new PatientClock(interval, performance.now());
  return setInterval(() => router.tick(clock.advance(performance.now())), interval).unref();
}

function checkPort(port: number): void {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return;
  throw new NatsBrokerError("INVALID_OPTION", `port must be 0 to 65535, found ${String(port)}`);
}

function checkToken(token: string | undefined): void {
  if (token === undefined || (typeof token === "string" && token !== "")) return;
  // An empty token would let in everybody who sends none.
  throw new NatsBrokerError("INVALID_OPTION", "token must be a text of one character or more");
}

function aborted(signal: AbortSignal): NatsBrokerError {
  return new NatsBrokerError("ABORTED", "the broker was told to close before it was listening", {
    cause: signal.reason,
  });
}
