import { ensureUint } from "./channel-text.js";
import { NetChannelError } from "./net-channel-error.js";

const RELIABILITIES = ["fire_and_forget", "reliable"] as const;
const FAILURE_POLICIES = ["best_effort", "fail_fast", "collect"] as const;
/** The packet flag of a reliable publish. */
const RELIABLE_FLAG = 0x01;
const U32_MAX = 0xffff_ffff;

export type PublishReliability = (typeof RELIABILITIES)[number];
/** What becomes of a publish when a recipient cannot be sent to. */
export type FailurePolicy = (typeof FAILURE_POLICIES)[number];

/** How to publish. */
export interface PublishOptions {
  /** `fire_and_forget` unless given. */
  readonly reliability?: PublishReliability;
  /** `best_effort` unless given. */
  readonly onFailure?: FailurePolicy;
  /** u32, how many sends may be under way; 0 acts as 1; 32 unless given. */
  readonly maxInflight?: number;
}

/** The options, checked and complete. */
export interface PublishSettings {
  readonly reliability: PublishReliability;
  /** The flags of the packets. */
  readonly flags: number;
  readonly onFailure: FailurePolicy;
  readonly maxInflight: number;
}

/** What became of a publish. */
export interface PublishReport {
  readonly attempted: number;
  /** How many packets were handed to the network; whether one arrived is another matter. */
  readonly delivered: number;
  readonly errors: readonly { readonly nodeId: bigint; readonly message: string }[];
}

/**
 * Checks how to publish (Net identity format, section 6.2).
 *
 * @throws NetChannelError `RELIABILITY`, `ON_FAILURE` or `RANGE`
 */
export function publishSettings(options: PublishOptions = {}): PublishSettings {
  const { reliability = "fire_and_forget", onFailure = "best_effort", maxInflight = 32 } = options;
  ensureUint("maxInflight", maxInflight, U32_MAX);
  if (!RELIABILITIES.includes(reliability)) {
    throw new NetChannelError("RELIABILITY", `channel: invalid reliability "${reliability}"`);
  }
  if (!FAILURE_POLICIES.includes(onFailure)) {
    throw new NetChannelError("ON_FAILURE", `channel: invalid on_failure "${onFailure}"`);
  }
  const flags = reliability === "reliable" ? RELIABLE_FLAG : 0;
  return { reliability, flags, onFailure, maxInflight: Math.max(1, maxInflight) };
}

/**
 * Why one recipient could not be sent to, in the words of Net (Net identity format, section 6.2).
 */
export const publishFailure: {
  readonly backpressured: (streamId: bigint) => string;
  readonly closed: (streamId: bigint) => string;
  readonly noSession: (nodeId: bigint) => string;
  readonly partitioned: (nodeId: bigint) => string;
  readonly sendFailed: (reason: string) => string;
} = {
  backpressured: (id) => `connection error: publish: stream 0x${id.toString(16)} backpressured`,
  closed: (id) => `connection error: publish: stream 0x${id.toString(16)} closed`,
  noSession: (id) => `connection error: publish: no session for subscriber 0x${id.toString(16)}`,
  partitioned: (id) => `connection error: publish: peer 0x${id.toString(16)} is partitioned`,
  sendFailed: (reason) => `connection error: publish send failed: ${reason}`,
};

/** Collects what became of each recipient of one publish, and says when to stop. */
export class PublishTally {
  readonly #attempted: number;
  readonly #onFailure: FailurePolicy;
  readonly #errors: { readonly nodeId: bigint; readonly message: string }[] = [];
  #delivered = 0;

  constructor(attempted: number, onFailure: FailurePolicy) {
    this.#attempted = attempted;
    this.#onFailure = onFailure;
  }

  /** Whether no further recipient is to be tried. */
  get isOver(): boolean {
    return this.#onFailure === "fail_fast" && this.#errors.length > 0;
  }

  /** A packet was handed to the network. */
  delivered(): void {
    this.#delivered++;
  }

  /** A recipient could not be sent to. */
  failed(nodeId: bigint, message: string): void {
    this.#errors.push({ nodeId, message });
  }

  /**
   * What became of the publish.
   *
   * @throws NetChannelError `ALL_FAILED` under `best_effort`, when recipients were tried and none could
   *   be sent to.
   */
  report(): PublishReport {
    const [first] = this.#errors;
    if (this.#onFailure === "best_effort" && this.#delivered === 0 && first !== undefined) {
      throw new NetChannelError(
        "ALL_FAILED",
        `channel: connection error: all ${this.#attempted} peers failed (first: 0x${first.nodeId.toString(16)}: ${first.message})`,
      );
    }
    return { attempted: this.#attempted, delivered: this.#delivered, errors: [...this.#errors] };
  }
}
