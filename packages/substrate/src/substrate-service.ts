import { randomBytes as cryptoRandomBytes, randomUUID } from "node:crypto";
import type { RowRecord } from "@gaiaftcl/sealed-row";
import { composeMeasurement } from "./compose-measurement.js";
import { evaluateAlgorithm, evaluateAllAlgorithms } from "./evaluate-algorithms.js";
import { sealHeartbeat } from "./heartbeat.js";
import {
  MeasurementPool,
  type MeasurementPoolOptions,
  type RunOptions,
} from "./measurement-pool.js";
import { ensureNumber } from "./option.js";
import { blocked, type Outcome, refused } from "./outcome.js";
import { replaySession } from "./replay-session.js";
import { advanceSubmissionPath } from "./submission-path.js";
import type { Substrate } from "./substrate.js";
import { SubstrateError } from "./substrate-error.js";
import type { Verb } from "./verb.js";

/** The verbs that are forwarded to the substrate service (cell format, section 6). */
export const SUBSTRATE_VERBS = [
  "compose_qc020_measurement",
  "advance_production_submission_path",
  "evaluate_algorithm",
  "evaluate_all_algorithms",
  "replay_session",
] as const;

export type SubstrateVerb = (typeof SUBSTRATE_VERBS)[number];

const VERBS: Readonly<Record<SubstrateVerb, Verb>> = {
  compose_qc020_measurement: composeMeasurement,
  advance_production_submission_path: advanceSubmissionPath,
  evaluate_algorithm: evaluateAlgorithm,
  evaluate_all_algorithms: evaluateAllAlgorithms,
  replay_session: replaySession,
};

export interface SubstrateServiceOptions extends MeasurementPoolOptions {
  /** Stands in every heartbeat; a random id unless given. */
  readonly daemonSessionId?: string | undefined;
  /** The interval of heartbeats, at most a day; 60 unless given. */
  readonly cadenceSeconds?: number | undefined;
  readonly clock?: (() => Date) | undefined;
  /** Seeds and ids; from `node:crypto` unless given. */
  readonly randomBytes?: ((size: number) => Uint8Array) | undefined;
}

/**
 * The computations behind the forwarded verbs. It owns its worker threads, and only borrows the
 * database, which must stay open until the service is closed.
 */
export class SubstrateService implements AsyncDisposable {
  readonly daemonSessionId: string;
  readonly cadenceSeconds: number;
  readonly #substrate: Substrate;
  readonly #pool: MeasurementPool;
  readonly #clock: () => Date;
  readonly #randomBytes: (size: number) => Uint8Array;

  constructor(substrate: Substrate, options: SubstrateServiceOptions = {}) {
    this.#substrate = substrate;
    this.#pool = new MeasurementPool(options);
    this.#clock = options.clock ?? ((): Date => new Date());
    this.#randomBytes = options.randomBytes ?? cryptoRandomBytes;
    this.daemonSessionId = options.daemonSessionId ?? `daemon-${randomUUID()}`;
    this.cadenceSeconds = ensureNumber("cadenceSeconds", options.cadenceSeconds ?? 60, 1, 86_400);
  }

  /**
   * Runs one command. Whatever goes wrong on the way that is not a fault of this program comes as an
   * outcome: `refused` for bad arguments or missing evidence, `blocked` with the code `CANCELLED`
   * when the signal aborts, and `blocked` with the code of the `SubstrateError` when the database or
   * the computation cannot be used now.
   *
   * @param args untrusted
   * @param options `onProgress` is told of the nonces computed so far
   */
  async handle(verb: string, args: unknown, options: RunOptions = {}): Promise<Outcome> {
    const run = Object.hasOwn(VERBS, verb) ? VERBS[verb as SubstrateVerb] : undefined;
    if (run === undefined) {
      const reason = `expected one of ${SUBSTRATE_VERBS.join(", ")}, found ${JSON.stringify(verb)}`;
      return refused("VERB_UNKNOWN", reason);
    }
    try {
      options.signal?.throwIfAborted();
      return await run(args, {
        ...options,
        substrate: this.#substrate,
        pool: this.#pool,
        randomBytes: this.#randomBytes,
      });
    } catch (error) {
      if (error instanceof SubstrateError) return blocked(error.code, error.message);
      if (options.signal?.aborted === true) {
        return blocked("CANCELLED", `${verb} was cancelled; nothing of it was sealed`);
      }
      throw error;
    }
  }

  /**
   * Seals one heartbeat, with the counts since the one before.
   *
   * @throws SubstrateError where it cannot be sealed
   */
  heartbeat(): RowRecord {
    return sealHeartbeat(this.#substrate, {
      daemonSessionId: this.daemonSessionId,
      cadenceSeconds: this.cadenceSeconds,
      tickAtIso: this.#clock().toISOString(),
      randomBytes: this.#randomBytes,
    });
  }

  /** Ends the worker threads; commands under way answer `blocked`. */
  close(): Promise<void> {
    return this.#pool.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
