const VERSION = 0;
const OPCODE_EXTERNAL_ADDRESS = 0;
const OPCODE_MAP_UDP = 1;
const REPLY = 128;
const ADDRESS_REPLY_BYTES = 12;
const MAP_REPLY_BYTES = 16;

/** Texts of RFC 6886, section 3.5. */
const RESULTS = [
  "success",
  "unsupported version",
  "not authorized",
  "network failure",
  "out of resources",
  "unsupported opcode",
];

export type NatPmpReply<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

export interface MapReply {
  readonly internalPort: number;
  readonly externalPort: number;
  readonly lifetimeSeconds: number;
}

/** RFC 6886, section 3.2. */
export function externalAddressRequest(): Uint8Array {
  return Uint8Array.of(VERSION, OPCODE_EXTERNAL_ADDRESS);
}

/** RFC 6886, section 3.3; with both `externalPort` and `lifetimeSeconds` 0, section 3.4, it takes the mapping back. */
export function mapUdpRequest({
  internalPort,
  externalPort,
  lifetimeSeconds,
}: MapReply): Uint8Array {
  const request = new Uint8Array(12);
  const view = new DataView(request.buffer);
  view.setUint8(0, VERSION);
  view.setUint8(1, OPCODE_MAP_UDP);
  view.setUint16(4, internalPort);
  view.setUint16(6, externalPort);
  view.setUint32(8, lifetimeSeconds);
  return request;
}

/** The gateway's external IPv4 address; `undefined` for a datagram that is no reply to that question. */
export function readExternalAddress(datagram: Uint8Array): NatPmpReply<string> | undefined {
  return readReply(datagram, OPCODE_EXTERNAL_ADDRESS, ADDRESS_REPLY_BYTES, () =>
    datagram.subarray(8, 12).join("."),
  );
}

/** What the gateway mapped; `undefined` for a datagram that is no reply to that question. */
export function readMapUdp(datagram: Uint8Array): NatPmpReply<MapReply> | undefined {
  return readReply(datagram, OPCODE_MAP_UDP, MAP_REPLY_BYTES, (view) => ({
    internalPort: view.getUint16(8),
    externalPort: view.getUint16(10),
    lifetimeSeconds: view.getUint32(12),
  }));
}

/** Every reply begins with version, opcode + 128, result and epoch; a refusal may end there. */
function readReply<T>(
  datagram: Uint8Array,
  opcode: number,
  byteLength: number,
  value: (view: DataView) => T,
): NatPmpReply<T> | undefined {
  if (datagram.length < 8 || datagram[0] !== VERSION || datagram[1] !== REPLY + opcode) {
    return undefined;
  }
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const result = view.getUint16(2);
  if (result !== 0) {
    return { ok: false, reason: RESULTS[result] ?? `result ${result}` };
  }
  return datagram.length === byteLength ? { ok: true, value: value(view) } : undefined;
}
