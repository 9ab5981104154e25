import { ADDRESS_BYTES, type Address, decodeAddress, encodeAddress } from "./address.js";
import { readU32, readU64, writeU32, writeU64 } from "./little-endian.js";

/** A rendezvous message (Net transport format, section 13.5). Integers are big-endian there, unlike everywhere else. */
export type Rendezvous =
  /** Asks the coordinator for an introduction to `target`; `reflex` is the sender's own address from outside. */
  | { readonly kind: "request"; readonly target: bigint; readonly reflex: Address }
  /** Tells one side to punch towards `peerReflex` at a moment in Unix milliseconds. */
  | {
      readonly kind: "introduce";
      readonly peer: bigint;
      readonly peerReflex: Address;
      readonly fireAtMs: bigint;
    }
  /** `fromPeer` has heard `toPeer`. */
  | {
      readonly kind: "ack";
      readonly fromPeer: bigint;
      readonly toPeer: bigint;
      readonly punchId: number;
    };

const REQUEST = 1;
const INTRODUCE = 2;
const ACK = 3;
const REQUEST_BYTES = 28;
const INTRODUCE_BYTES = 36;
const ACK_BYTES = 21;

export function encodeRendezvous(message: Rendezvous): Uint8Array {
  switch (message.kind) {
    case "request": {
      const bytes = begin(REQUEST, REQUEST_BYTES);
      bytes.view.setBigUint64(1, message.target);
      bytes.array.set(encodeAddress(message.reflex), 9);
      return bytes.array;
    }
    case "introduce": {
      const bytes = begin(INTRODUCE, INTRODUCE_BYTES);
      bytes.view.setBigUint64(1, message.peer);
      bytes.array.set(encodeAddress(message.peerReflex), 9);
      bytes.view.setBigUint64(28, message.fireAtMs);
      return bytes.array;
    }
    case "ack": {
      const bytes = begin(ACK, ACK_BYTES);
      bytes.view.setBigUint64(1, message.fromPeer);
      bytes.view.setBigUint64(9, message.toPeer);
      bytes.view.setUint32(17, message.punchId);
      return bytes.array;
    }
  }
}

/** Reads a rendezvous message; undefined for an unknown kind, a wrong length or a wrong address. */
export function decodeRendezvous(bytes: Uint8Array): Rendezvous | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = bytes[0];
  if (kind === ACK && bytes.length === ACK_BYTES) {
    return {
      kind: "ack",
      fromPeer: view.getBigUint64(1),
      toPeer: view.getBigUint64(9),
      punchId: view.getUint32(17),
    };
  }
  const address = decodeAddress(bytes.subarray(9, 9 + ADDRESS_BYTES));
  if (address === undefined) {
    return undefined;
  }
  if (kind === REQUEST && bytes.length === REQUEST_BYTES) {
    return { kind: "request", target: view.getBigUint64(1), reflex: address };
  }
  if (kind === INTRODUCE && bytes.length === INTRODUCE_BYTES) {
    return {
      kind: "introduce",
      peer: view.getBigUint64(1),
      peerReflex: address,
      fireAtMs: view.getBigUint64(28),
    };
  }
  return undefined;
}

/** The event that answers a reflex probe (section 13.2): where the prober is seen. */
export const encodeReflex: (address: Address) => Uint8Array = encodeAddress;

/** Reads the answer to a reflex probe; undefined for anything but 19 bytes of an address. */
export const decodeReflex: (event: Uint8Array) => Address | undefined = decodeAddress;

/** Bytes of a punch keep-alive. */
export const KEEP_ALIVE_BYTES = 14;

/** A punch keep-alive (section 13.6): in the clear, little-endian, only its source address counts. */
export interface KeepAlive {
  readonly sender: bigint;
  readonly punchId: number;
}

export function encodeKeepAlive({ sender, punchId }: KeepAlive): Uint8Array {
  const bytes = new Uint8Array(KEEP_ALIVE_BYTES);
  bytes[0] = 0x50;
  bytes[1] = 0x48;
  writeU64(bytes, 2, sender);
  writeU32(bytes, 10, punchId);
  return bytes;
}

/** Reads a keep-alive; undefined for another length or magic. */
export function decodeKeepAlive(datagram: Uint8Array): KeepAlive | undefined {
  if (datagram.length !== KEEP_ALIVE_BYTES || datagram[0] !== 0x50 || datagram[1] !== 0x48) {
    return undefined;
  }
  return { sender: readU64(datagram, 2), punchId: readU32(datagram, 10) };
}

function begin(
  kind: number,
  length: number,
): { readonly array: Uint8Array; readonly view: DataView } {
  const array = new Uint8Array(length);
  array[0] = kind;
  return { array, view: new DataView(array.buffer) };
}
