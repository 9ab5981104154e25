export {
  ADDRESS_BYTES,
  type Address,
  type AddressParts,
  decodeAddress,
  encodeAddress,
  ensureAddress,
  formatAddress,
  parseAddress,
} from "./address.js";
export { type DatagramKind, datagramKind } from "./datagram-kind.js";
export type { AgreementKey } from "./engine.js";
export type { EstablishedKeys } from "./established-keys.js";
export { decodeEventFrames, encodeEventFrames, packEvents } from "./event-frames.js";
export {
  type EphemeralSource,
  generateDhKeyPair,
  handshakeMessage,
  handshakePacket,
  InitiatorHandshake,
  type InitiatorOptions,
  meshPrologue,
  type RandomBytes,
  type ResponderOptions,
  type Response,
  respond,
} from "./handshake.js";
export { EPOCH_MS, EPOCH_PACKETS } from "./key-epochs.js";
export { decodeNack, encodeNack, missingSequences, type Nack } from "./nack.js";
export { NetWireError, type NetWireErrorCode } from "./net-wire-error.js";
export { type DhKeyPair, dhKeyPair, generateAgreementKey } from "./noise/suite.js";
export { ALL_FEATURES, decodeOffer, encodeOffer, type Offer, sessionFeatures } from "./offer.js";
export {
  decodeHeader,
  emptyHeader,
  encodeHeader,
  HEADER_BYTES,
  MAX_EVENT_BYTES,
  MAX_EVENTS,
  MAX_PACKET_BYTES,
  MAX_PAYLOAD_BYTES,
  type PacketHeader,
  packetFlags,
  sessionIdOf,
  TAG_BYTES,
} from "./packet-header.js";
export {
  type OpenedPacket,
  type PacketRejection,
  PacketSession,
  type SealFields,
  type SessionStats,
} from "./packet-session.js";
export {
  decodePingwave,
  encodePingwave,
  PINGWAVE_BYTES,
  type Pingwave,
  type PingwaveHealth,
  pingwaveHealth,
} from "./pingwave.js";
export { ReplayWindow } from "./replay-window.js";
export {
  decodeRoutingHeader,
  encodeRouted,
  forwardRouted,
  ROUTED_DATA_TTL,
  ROUTED_HANDSHAKE_TTL,
  ROUTING_HEADER_BYTES,
  type RoutingHeader,
  routingFlags,
} from "./routing-header.js";
export { Session, type SessionEvent, type SessionOptions } from "./session.js";
export { keysOfHandshakeHash, sessionIdOfHandshake } from "./session-keys.js";
export * from "./stream/index.js";
export {
  decodeStreamGrant,
  encodeStreamGrant,
  GRANT_STREAM,
  type StreamGrant,
} from "./stream-grant.js";
export { streamIdFromKey } from "./stream-id.js";
export {
  decodeKeepAlive,
  decodeReflex,
  decodeRendezvous,
  encodeKeepAlive,
  encodeReflex,
  encodeRendezvous,
  KEEP_ALIVE_BYTES,
  type KeepAlive,
  type Rendezvous,
} from "./traversal-messages.js";
export {
  areCompatible,
  decodeVersionManifest,
  defaultManifest,
  encodeVersionManifest,
  type ManifestEntry,
  subprotocolTag,
  type Version,
} from "./version-manifest.js";
