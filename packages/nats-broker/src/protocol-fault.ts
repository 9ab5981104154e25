/** Why a connection ends, and the text that tells the client so, if nats-server sends one. */
export interface ProtocolFault {
  readonly reason: string;
  /** Sent as `-ERR '<text>'`. Without one the connection closes silently, as nats-server does. */
  readonly text?: string;
}

function spoken(text: string): ProtocolFault {
  return { reason: text, text };
}

// The texts are those of nats-server: clients tell errors apart by them.
export const UNKNOWN_OPERATION: ProtocolFault = spoken("Unknown Protocol Operation");
export const CONTROL_LINE_EXCEEDED: ProtocolFault = spoken("maximum control line exceeded");
export const MAXIMUM_PAYLOAD: ProtocolFault = spoken("Maximum Payload Violation");
export const AUTHORIZATION_VIOLATION: ProtocolFault = spoken("Authorization Violation");
export const AUTHENTICATION_TIMEOUT: ProtocolFault = spoken("Authentication Timeout");
export const STALE_CONNECTION: ProtocolFault = spoken("Stale Connection");
export const MAXIMUM_CONNECTIONS: ProtocolFault = spoken("maximum connections exceeded");
export const INVALID_CLIENT_PROTOCOL: ProtocolFault = spoken("invalid client protocol");
export const NO_RESPONDERS_NEEDS_HEADERS: ProtocolFault = spoken(
  "no responders requires headers support",
);

export const INVALID_ARGUMENTS: ProtocolFault = { reason: "malformed arguments" };
export const INVALID_CONNECT: ProtocolFault = { reason: "malformed CONNECT" };
export const HEADERS_NOT_NEGOTIATED: ProtocolFault = { reason: "HPUB without header support" };
export const ERROR_FROM_CLIENT: ProtocolFault = { reason: "-ERR from a client" };
export const SLOW_CONSUMER: ProtocolFault = { reason: "slow consumer" };
