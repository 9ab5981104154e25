import * as v from "valibot";

/** What a running node says of itself. Node ids are text, bytes are hexadecimal. */
export interface NodeStatus {
  readonly nodeId: string;
  readonly entityId: string;
  readonly publicKey: string;
  readonly address: string;
  readonly ticket: string;
  readonly natType: string;
  readonly reflexAddress: string | null;
  readonly peers: number;
}

/** A node this one knows of. */
export interface NodeEntry {
  readonly nodeId: string;
  /**
   * A peer has a session with this node; one that is called has none, but is meant to; others were only
   * heard of.
   */
  readonly kind: "peer" | "called" | "heard-of";
  readonly address: string | null;
  readonly health: string | null;
  /** Whether the session is one between nodes of our own kind. */
  readonly strict: boolean | null;
  readonly relayed: boolean | null;
  /** How it looks from outside, by what it announced; `unknown` when it announced nothing. */
  readonly natType: string;
  /** Hops over the shortest way heard of; 1 for a peer. */
  readonly hops: number | null;
  /** Whether it is called again when it is lost. */
  readonly kept: boolean;
}

/** What became of the wish that the gateway forward a port. */
interface PortMappingEntry {
  readonly state: string;
  readonly protocol: string | null;
  readonly externalAddress: string | null;
  readonly reason: string | null;
}

export interface PublishResult {
  readonly attempted: number;
  readonly delivered: number;
  readonly errors: readonly { readonly nodeId: string; readonly message: string }[];
}

export interface FoundNode {
  readonly nodeId: string;
  readonly tags: readonly string[];
}

export interface NatResult {
  readonly natType: string;
  readonly reflexAddress: string | null;
  /** Null when it was not asked for. */
  readonly portMapping: PortMappingEntry | null;
}

export interface LeaveResult {
  /** Whether there was a session, or a call for one. */
  readonly left: boolean;
}

/** Parameters and results of the requests a running node answers, as JSON-RPC 2.0 behind a Content-Length header. */
export interface Methods {
  readonly status: { readonly params: NoParams; readonly result: NodeStatus };
  readonly nodes: { readonly params: NoParams; readonly result: readonly NodeEntry[] };
  readonly join: { readonly params: JoinParams; readonly result: NodeEntry };
  readonly leave: { readonly params: NodeParams; readonly result: LeaveResult };
  readonly ping: { readonly params: NodeParams; readonly result: PingResult };
  readonly publish: { readonly params: PublishParams; readonly result: PublishResult };
  readonly subscribe: { readonly params: SubscribeParams; readonly result: SubscriptionParams };
  readonly unsubscribe: { readonly params: SubscriptionParams; readonly result: NoParams };
  readonly announce: { readonly params: AnnounceParams; readonly result: NoParams };
  readonly find: { readonly params: FindParams; readonly result: readonly FoundNode[] };
  readonly nat: { readonly params: NoParams; readonly result: NatResult };
}

export type MethodName = keyof Methods;

export type NoParams = Readonly<Record<string, never>>;

export interface NodeParams {
  readonly nodeId: string;
}

export interface JoinParams {
  readonly ticket: string;
}

export interface PingResult {
  readonly rttMs: number;
  readonly reflexAddress: string;
}

export interface PublishParams {
  readonly channel: string;
  /** Base64. */
  readonly payload: string;
  readonly reliable: boolean;
}

export interface SubscribeParams {
  readonly publisher: string;
  readonly channel: string;
  /** A permission token in base64. */
  readonly token?: string | undefined;
}

export interface SubscriptionParams {
  readonly subscription: number;
}

export interface AnnounceParams {
  readonly capabilities: Readonly<Record<string, unknown>>;
}

export interface FindParams {
  readonly filter: Readonly<Record<string, unknown>>;
  readonly scope?: Readonly<Record<string, unknown>> | undefined;
}

/** A notification: an event of a subscription made over this connection; `payload` is base64. */
export interface ChannelEvent {
  readonly subscription: number;
  readonly payload: string;
}

/** A notification: a subscription made over this connection ended by itself. */
export interface SubscriptionEnded {
  readonly subscription: number;
  readonly reason: string;
}

export const CHANNEL_EVENT = "event";
export const SUBSCRIPTION_ENDED = "ended";

type ParamSchemas = {
  readonly [Name in MethodName]: v.GenericSchema<unknown, Methods[Name]["params"]>;
};

const none = v.strictObject({});
const base64 = v.pipe(v.string(), v.base64());
const dictionary = v.record(v.string(), v.unknown());
const subscription = v.strictObject({ subscription: v.number() });

/** What each request's parameters have to be. */
export const paramSchemas: ParamSchemas = {
  status: none,
  nodes: none,
  join: v.strictObject({ ticket: v.string() }),
  leave: v.strictObject({ nodeId: v.string() }),
  ping: v.strictObject({ nodeId: v.string() }),
  publish: v.strictObject({ channel: v.string(), payload: base64, reliable: v.boolean() }),
  subscribe: v.strictObject({
    publisher: v.string(),
    channel: v.string(),
    token: v.optional(base64),
  }),
  unsubscribe: subscription,
  announce: v.strictObject({ capabilities: dictionary }),
  find: v.strictObject({ filter: dictionary, scope: v.optional(dictionary) }),
  nat: none,
};
