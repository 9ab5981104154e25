import {
  INVALID_CLIENT_PROTOCOL,
  INVALID_CONNECT,
  NO_RESPONDERS_NEEDS_HEADERS,
  type ProtocolFault,
} from "./protocol-fault.js";

/** What a client has asked for with CONNECT. */
export interface ConnectOptions {
  /** `+OK` after every operation. */
  readonly verbose: boolean;
  /** `-ERR` for publishing to a subject that is no literal subject. */
  readonly pedantic: boolean;
  /** Its own messages are delivered to its own subscriptions. */
  readonly echo: boolean;
  readonly headers: boolean;
  /** A request that reaches nobody is answered with status 503. */
  readonly noResponders: boolean;
  /** 1: takes INFO at any time. */
  readonly protocol: number;
  readonly token: string;
  readonly name: string;
}

/** What holds until CONNECT, as in nats-server. */
export const BEFORE_CONNECT: ConnectOptions = {
  verbose: true,
  pedantic: true,
  echo: true,
  headers: false,
  noResponders: false,
  protocol: 0,
  token: "",
  name: "",
};

/**
 * The options of a CONNECT over those that held before it; members of other names are ignored, null
 * leaves a member as it was. A fault for what is no object, or has a member of another type.
 */
export function readConnect(
  json: string,
  before: ConnectOptions,
): { readonly options: ConnectOptions } | { readonly fault: ProtocolFault } {
  let options: ConnectOptions;
  try {
    options = optionsFrom(JSON.parse(json), before);
  } catch {
    return { fault: INVALID_CONNECT };
  }
  if (options.protocol !== 0 && options.protocol !== 1) return { fault: INVALID_CLIENT_PROTOCOL };
  if (options.noResponders && !options.headers) return { fault: NO_RESPONDERS_NEEDS_HEADERS };
  return { options };
}

function optionsFrom(parsed: unknown, before: ConnectOptions): ConnectOptions {
  if (typeof parsed !== "object" || Array.isArray(parsed)) throw new TypeError("not an object");
  const members = parsed ?? {};
  const options = {
    verbose: member(members, "verbose", before.verbose),
    pedantic: member(members, "pedantic", before.pedantic),
    echo: member(members, "echo", before.echo),
    headers: member(members, "headers", before.headers),
    noResponders: member(members, "no_responders", before.noResponders),
    protocol: member(members, "protocol", before.protocol),
    token: member(members, "auth_token", before.token),
    name: member(members, "name", before.name),
  };
  if (!Number.isInteger(options.protocol)) throw new TypeError("protocol is not an integer");
  return options;
}

function member<T>(members: object, name: string, before: T): T {
  const value: unknown = Reflect.get(members, name);
  if (value === undefined || value === null) return before;
  if (typeof value !== typeof before) throw new TypeError(`${name} is not a ${typeof before}`);
  return value as T;
}
