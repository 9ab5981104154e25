import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { FederationKeys } from "@gaiaftcl/witness";
import { type PrivateKey, type PublicKey, publicKeyOf, sign } from "@gaiaftcl/witness/ed25519";
import { ClientConnection, type SignChallenge } from "./client-connection.js";
import { FranklinError, quote } from "./franklin-error.js";
import { contextProblem, ensureOperatorKey } from "./operator-key.js";
import type { VerifiedResponse } from "./response-verifier.js";
import { checkSocket, ensureSocketPath, isSameFile } from "./socket-guard.js";
import type { AdvanceSubmission, ComposeMeasurement, EvaluateAlgorithm } from "./verbs.js";

export type { SignChallenge } from "./client-connection.js";
export { FranklinError, type FranklinErrorCode } from "./franklin-error.js";
export type { DeclinedOutcome, OkOutcome, Outcome } from "./outcome.js";
export type { VerifiedResponse } from "./response-verifier.js";
export {
  type AdvanceSubmission,
  type ComposeMeasurement,
  type EvaluateAlgorithm,
  FRANKLIN_VERBS,
  type FranklinVerb,
} from "./verbs.js";

/** An operator's key that this process does not hold, such as one in an agent or behind a prompt. */
export interface OperatorSigner {
  readonly publicKey: PublicKey;
  readonly sign: SignChallenge;
}

export interface FranklinClientOptions {
  readonly socketPath: string;
  /** The name under which `operators.toml` has the key. */
  readonly operatorContext: string;
  readonly privateKey: PrivateKey | OperatorSigner;
  /**
   * The federation's keys. None may be the operator's; and with them every response must carry the
   * signatures of all five contexts.
   */
  readonly federationKeys?: FederationKeys | undefined;
  /** `false`: federation keys are not demanded to have signed the responses. Default `true`. */
  readonly requireSignedResponses?: boolean | undefined;
  /** Witness hashes this caller knows of: a challenge that equals one is not signed. */
  readonly knownWitnessHashes?: Iterable<string> | { has(hash: string): boolean } | undefined;
  /** How long to wait for a place, the handshake included; default 5,000 ms. */
  readonly timeoutMs?: number | undefined;
  /** How long each request waits unless it says otherwise; default 60,000 ms. */
  readonly requestTimeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What one request may override. */
export interface RequestSettings {
  /** Stops waiting; the server may still carry the request out. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. */
  readonly timeoutMs?: number | undefined;
}

const CONNECT_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 60_000;

/**
 * One operator's connection to the Franklin daemon (cell format, section 6). Requests may be made
 * side by side; at most 128 are under way at once and the rest wait their turn. Every response is
 * verified against the request as it was sent; one that fails ends the connection.
 */
export class FranklinClient implements AsyncDisposable {
  readonly operatorContext: string;
  readonly #connection: ClientConnection;
  readonly #requestTimeoutMs: number;

  private constructor(
    connection: ClientConnection,
    operatorContext: string,
    requestTimeoutMs: number,
  ) {
    this.#connection = connection;
    this.operatorContext = operatorContext;
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  /**
   * Checks the socket, connects and proves who the operator is. While the server has no place, it
   * tries again until the time is up.
   *
   * @throws FranklinError `SOCKET_MISSING`, `SERVER_GONE`, `SOCKET_UNSAFE`, `PERMISSION_DENIED`,
   *   `PATH_TOO_LONG`, `FEDERATION_KEY`, `CHALLENGE_REFUSED`, `HANDSHAKE_REFUSED` with the server's
   *   reason, `BUSY`, `TIMEOUT`, `PROTOCOL_VIOLATION`, `OPTION_INVALID`; the reason of `signal` if it
   *   is aborted
   */
  static async connect(options: FranklinClientOptions): Promise<FranklinClient> {
    const { operatorContext, federationKeys, signal } = options;
    signal?.throwIfAborted();
    const timeoutMs = positive("timeoutMs", options.timeoutMs ?? CONNECT_TIMEOUT_MS);
    const requestTimeoutMs = positive(
      "requestTimeoutMs",
      options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    );
    const problem = contextProblem(operatorContext);
    if (problem !== undefined) {
      throw new FranklinError(
        "OPTION_INVALID",
        `operatorContext ${quote(String(operatorContext))}: ${problem}`,
      );
    }
    const signer = signerOf(options.privateKey);
    ensureOperatorKey(operatorContext, signer.publicKey, federationKeys);
    const socketPath = ensureSocketPath(options.socketPath);
    const session = {
      operatorContext,
      isKnownHash: membership(options.knownWitnessHashes),
      keys: options.requireSignedResponses === false ? undefined : federationKeys,
    };
    const start = (socket: Socket, check: () => Promise<void>): ClientConnection =>
      new ClientConnection(socket, session, async (challenge) => {
        await check();
        return signer.sign(challenge);
      });
    const connection = await connected(socketPath, start, timeoutMs, signal);
    return new FranklinClient(connection, operatorContext, requestTimeoutMs);
  }

  /** Resolves when the connection has ended, for whatever reason. */
  get closed(): Promise<void> {
    return this.#connection.closed;
  }

  /** Why the connection ended, or `undefined` while it is open. */
  get error(): FranklinError | undefined {
    return this.#connection.error;
  }

  /**
   * Makes a request.
   *
   * @param args a value that has a JSON form; taken as it is at this moment
   * @returns the outcome, whatever its status, with its seal and the report of what was verified
   * @throws FranklinError `RESPONSE_UNVERIFIED` with the report, `SEAL_FAILED`, `TIMEOUT`,
   *   `ARGS_INVALID`, `REQUEST_TOO_LARGE`, or why the connection ended; the reason of `signal`
   */
  async request(
    method: string,
    args: unknown = {},
    settings: RequestSettings = {},
  ): Promise<VerifiedResponse> {
    const timeoutMs = positive("timeoutMs", settings.timeoutMs ?? this.#requestTimeoutMs);
    return this.#connection.request(method, args, { signal: settings.signal, timeoutMs });
  }

  /** What the daemon may do, and within which bounds. */
  franklinAuthorityShow(settings?: RequestSettings): Promise<VerifiedResponse> {
    return this.request("franklin_authority_show", {}, settings);
  }

  composeQc020Measurement(
    measurement: ComposeMeasurement = {},
    settings?: RequestSettings,
  ): Promise<VerifiedResponse> {
    const args = {
      session_seed_hex: measurement.sessionSeedHex,
      extranonce_count: measurement.extranonceCount,
      nonces_per_extranonce: measurement.noncesPerExtranonce,
    };
    return this.request("compose_qc020_measurement", args, settings);
  }

  advanceProductionSubmissionPath(
    submission: AdvanceSubmission,
    settings?: RequestSettings,
  ): Promise<VerifiedResponse> {
    const args = { submission_id: submission.submissionId, session_id: submission.sessionId };
    return this.request("advance_production_submission_path", args, settings);
  }

  evaluateAlgorithm(
    evaluation: EvaluateAlgorithm,
    settings?: RequestSettings,
  ): Promise<VerifiedResponse> {
    const args = { algorithm: evaluation.algorithm, session_id: evaluation.sessionId };
    return this.request("evaluate_algorithm", args, settings);
  }

  evaluateAllAlgorithms(
    evaluation: { readonly sessionId?: string } = {},
    settings?: RequestSettings,
  ): Promise<VerifiedResponse> {
    return this.request("evaluate_all_algorithms", { session_id: evaluation.sessionId }, settings);
  }

  replaySession(sessionId: string, settings?: RequestSettings): Promise<VerifiedResponse> {
    return this.request("replay_session", { session_id: sessionId }, settings);
  }

  /** Ends the connection; requests that still wait are rejected with `CLOSED`. */
  async close(): Promise<void> {
    this.#connection.fail(new FranklinError("CLOSED", "the client was closed"));
    await this.#connection.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

type Start = (socket: Socket, check: () => Promise<void>) => ClientConnection;

/** Tries until there is a place; between two attempts it waits a little longer each time. */
async function connected(
  socketPath: string,
  start: Start,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<ClientConnection> {
  const stop = new AbortController();
  const onAbort = (): void => stop.abort();
  const timer = setTimeout(onAbort, timeoutMs);
  signal?.addEventListener("abort", onAbort, { once: true });
  let reason = timedOut(socketPath, timeoutMs);
  try {
    for (let attempt = 0; !stop.signal.aborted; attempt += 1) {
      try {
        return await attemptConnection(socketPath, start, stop.signal);
      } catch (error) {
        if (stop.signal.aborted) break;
        if (!(error instanceof FranklinError) || error.code !== "BUSY") throw error;
        reason = error;
      }
      const longest = Math.min(500, 20 * 2 ** attempt);
      const pause = longest * (0.5 + Math.random() / 2);
      await delay(pause, undefined, { signal: stop.signal }).catch(() => undefined);
    }
    signal?.throwIfAborted();
    throw reason;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

async function attemptConnection(
  socketPath: string,
  start: Start,
  stop: AbortSignal,
): Promise<ClientConnection> {
  const before = await checkSocket(socketPath);
  stop.throwIfAborted();
  const connection = start(connect(socketPath), async () => {
    // Nobody may have put another socket in its place since.
    if (isSameFile(before, await checkSocket(socketPath))) return;
    throw new FranklinError(
      "SOCKET_UNSAFE",
      `${socketPath} was replaced while this client connected; connect again`,
    );
  });
  const onStop = (): void => connection.fail(new FranklinError("CLOSED", "no longer wanted"));
  stop.addEventListener("abort", onStop, { once: true });
  try {
    await connection.accepted;
    return connection;
  } finally {
    stop.removeEventListener("abort", onStop);
  }
}

function timedOut(socketPath: string, timeoutMs: number): FranklinError {
  return new FranklinError(
    "TIMEOUT",
    `no handshake on ${socketPath} within ${timeoutMs / 1000} s; see whether the cell runs with: gaiaftcl cell status`,
  );
}

function signerOf(key: PrivateKey | OperatorSigner): OperatorSigner {
  try {
    if ("sign" in key) return key;
    return { publicKey: publicKeyOf(key), sign: (challenge) => sign(key, challenge) };
  } catch (cause) {
    throw new FranklinError(
      "OPTION_INVALID",
      "privateKey: expected a PrivateKey, which privateKeyFromPem makes, or { publicKey, sign }",
      { cause },
    );
  }
}

function membership(
  known: FranklinClientOptions["knownWitnessHashes"],
): ((hash: string) => boolean) | undefined {
  if (known === undefined) return undefined;
  // A text is an iterable of its letters, none of which is a hash.
  if (typeof known === "string") {
    throw new FranklinError("OPTION_INVALID", "knownWitnessHashes: expected several, found a text");
  }
  const hashes = "has" in known ? known : new Set(known);
  return (hash) => hashes.has(hash);
}

function positive(name: string, value: number): number {
  // A longer delay than this makes a timer fire at once.
  if (value > 0 && value < 2 ** 31) return value;
  throw new FranklinError("OPTION_INVALID", `${name}: expected 1 to 2^31 - 1 ms, found ${value}`);
}
