import { ensureName, ensureUint } from "./channel-text.js";
import { NetChannelError } from "./net-channel-error.js";

const VISIBILITIES = ["subnet-local", "parent-visible", "exported", "global"] as const;
const ENTITY_ID_BYTES = 32;

/** Which subnets a channel is for (Net identity format, section 11.3). */
export type Visibility = (typeof VISIBILITIES)[number];

/** How a channel is to be. `Filter` is a condition on capabilities, which this package only hands on. */
export interface ChannelOptions<Filter> {
  /** `global` unless given. */
  readonly visibility?: Visibility;
  /** What this node has to be able to do to publish. */
  readonly publishCaps?: Filter;
  /** What a subscriber has to be able to do. */
  readonly subscribeCaps?: Filter;
  /** Whether subscribers, and this node to publish, need a token. */
  readonly requireToken?: boolean;
  /**
   * The entities whose tokens count, 32 bytes each: tokens they issued, and tokens that come from one of
   * theirs by a chain of delegations that is presented and holds. Without it every issuer counts, as in
   * Net 0.19.0, the subscriber itself included. Implies `requireToken`.
   */
  readonly issuers?: readonly Uint8Array[];
  /** u8; kept, and without effect, as in Net 0.19.0. */
  readonly priority?: number;
  /** Kept, and without effect: a publish says itself whether it is reliable. */
  readonly reliable?: boolean;
  /** u32; kept, and without effect. */
  readonly maxRatePps?: number;
}

/** A registered channel: the options, checked and complete. */
export interface ChannelConfig<Filter> extends ChannelOptions<Filter> {
  /** The name, or the prefix, it is registered under. */
  readonly name: string;
  readonly visibility: Visibility;
  readonly requireToken: boolean;
  readonly priority: number;
  readonly reliable: boolean;
}

/**
 * Checks the options of a channel (Net identity format, section 4).
 *
 * @throws NetChannelError `NAME`, `VISIBILITY`, `RANGE` or `ARGUMENT`
 */
export function channelConfig<Filter>(
  name: string,
  options: ChannelOptions<Filter> = {},
): ChannelConfig<Filter> {
  const priority = ensureUint("priority", options.priority ?? 0, 0xff);
  if (options.maxRatePps !== undefined) ensureUint("maxRatePps", options.maxRatePps, 0xffff_ffff);
  ensureName(name);
  return {
    ...options,
    name,
    visibility: ensureVisibility(options.visibility ?? "global"),
    requireToken: requiresToken(options),
    priority,
    reliable: options.reliable ?? false,
    ...(options.issuers === undefined
      ? {}
      : { issuers: options.issuers.map((issuer) => Uint8Array.from(issuer)) }),
  };
}

/** Whether subscribing takes more than asking. */
export function isGated<Filter>(config: ChannelConfig<Filter>): boolean {
  return (
    config.requireToken || config.publishCaps !== undefined || config.subscribeCaps !== undefined
  );
}

function requiresToken<Filter>(options: ChannelOptions<Filter>): boolean {
  const { issuers, requireToken } = options;
  if (issuers === undefined) return requireToken ?? false;
  if (requireToken === false) {
    throw new NetChannelError(
      "ARGUMENT",
      "expected requireToken to be true or left out, since issuers are given; found false",
    );
  }
  const whole = issuers.every(
    (issuer) => issuer instanceof Uint8Array && issuer.length === ENTITY_ID_BYTES,
  );
  if (issuers.length === 0 || !whole) {
    throw new NetChannelError(
      "ARGUMENT",
      `expected issuers to be one or more entity ids of ${ENTITY_ID_BYTES} bytes`,
    );
  }
  return true;
}

function ensureVisibility(word: Visibility): Visibility {
  if (VISIBILITIES.includes(word)) return word;
  throw new NetChannelError(
    "VISIBILITY",
    `channel: invalid visibility "${word}" (expected ${VISIBILITIES.join(" | ")})`,
  );
}
