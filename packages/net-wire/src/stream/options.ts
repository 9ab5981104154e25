import { NetWireError } from "../net-wire-error.js";
import { MAX_PAYLOAD_BYTES } from "../packet-header.js";
import { ROUTING_HEADER_BYTES } from "../routing-header.js";
import type { StreamOptions, StreamSetOptions } from "./types.js";

const MEBIBYTE = 1024 * 1024;
/** Section 8.1: the window of a stream that nobody opened. */
const LEGACY_WINDOW = 65_536;
/** Below two packets a window would only make the sender wait. */
const SMALLEST_STRICT_WINDOW = 16 * 1024;
/** What is sent again must still fit when the peer has moved behind a relay. */
const ROUTABLE_PAYLOAD = MAX_PAYLOAD_BYTES - ROUTING_HEADER_BYTES;
const LARGEST_EVENT = 16 * MEBIBYTE;

export interface ResolvedStreamOptions {
  readonly reliability: "fire_and_forget" | "reliable";
  /** 0 = unlimited. */
  readonly window: number;
  readonly weight: number;
}

export interface Settings {
  readonly defaults: ResolvedStreamOptions;
  readonly maxPayload: number;
  readonly sendBuffer: number;
  readonly maxStreams: number;
  readonly idleTimeout: number;
  readonly credit: boolean;
  readonly dropRefused: boolean;
  readonly receiveWindow: number;
  readonly peerReceiveWindow: number;
  readonly maxEventBytes: number;
  readonly initialRtt: number;
  readonly maxCongestionWindow: number;
}

export function resolveSettings(options: StreamSetOptions): Settings {
  const builtIn: ResolvedStreamOptions = {
    reliability: "fire_and_forget",
    window: options.strict ? 0 : LEGACY_WINDOW,
    weight: 1,
  };
  const window = (name: "receiveWindow" | "peerReceiveWindow"): number => {
    const bytes = integer(name, options[name] ?? MEBIBYTE, 0, 2 ** 42);
    // Windows are announced in KiB, and both ends have to reckon with the same number.
    return Math.max(SMALLEST_STRICT_WINDOW, bytes - (bytes % 1024));
  };
  return {
    defaults: resolveStreamOptions(options.defaults, builtIn),
    maxPayload: integer(
      "maxPayload",
      options.maxPayload ?? (options.strict ? ROUTABLE_PAYLOAD : MAX_PAYLOAD_BYTES),
      128,
      MAX_PAYLOAD_BYTES,
    ),
    sendBuffer: integer("sendBuffer", options.sendBuffer ?? 4 * MEBIBYTE, 1, 2 ** 40),
    maxStreams: integer("maxStreams", options.maxStreams ?? 4096, 1, 2 ** 20),
    idleTimeout: integer("idleTimeout", options.idleTimeout ?? 300_000, 1, 2 ** 40),
    credit: options.credit ?? true,
    dropRefused: options.dropRefused ?? false,
    receiveWindow: window("receiveWindow"),
    peerReceiveWindow: window("peerReceiveWindow"),
    maxEventBytes: integer(
      "maxEventBytes",
      options.maxEventBytes ?? LARGEST_EVENT,
      0,
      LARGEST_EVENT,
    ),
    initialRtt: positive("initialRtt", options.initialRtt ?? 333),
    maxCongestionWindow: integer(
      "maxCongestionWindow",
      options.maxCongestionWindow ?? 4 * MEBIBYTE,
      2 * 8192,
      2 ** 40,
    ),
  };
}

export function resolveStreamOptions(
  options: StreamOptions | undefined,
  defaults: ResolvedStreamOptions,
): ResolvedStreamOptions {
  if (options === undefined) return defaults;
  const reliability = options.reliability ?? defaults.reliability;
  if (reliability !== "fire_and_forget" && reliability !== "reliable") {
    throw new NetWireError(
      "OPTION",
      `reliability must be "fire_and_forget" or "reliable", not ${JSON.stringify(reliability)}`,
    );
  }
  return {
    reliability,
    window: integer("window", options.window ?? defaults.window, 0, Number.MAX_SAFE_INTEGER),
    weight: integer("weight", options.weight ?? defaults.weight, 1, 255),
  };
}

export function integer(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new NetWireError(
    "OPTION",
    `${name} must be an integer from ${least} to ${most}, not ${value}`,
  );
}

function positive(name: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw new NetWireError("OPTION", `${name} must be above 0, not ${value}`);
}
