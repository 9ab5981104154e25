import { randomBytes } from "node:crypto";
import { Identity } from "@gaiaftcl/net-identity";
import { MeshCore, meshTuning } from "@gaiaftcl/net-mesh";
import { generateDhKeyPair } from "@gaiaftcl/net-wire";

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

export interface Core {
  readonly core: MeshCore;
  readonly publicKey: Uint8Array;
}

/** A node without a socket. */
export function coreAt(
  address: string,
  psk: Uint8Array,
  transmit: (datagram: Uint8Array, to: string) => void,
): Core {
  const keyPair = generateDhKeyPair(random);
  const core = new MeshCore(
    {
      identity: Identity.generate(),
      keyPair,
      psk,
      tuning: meshTuning({}),
      randomBytes: random,
      wallClock: () => Date.now(),
      boundAddress: () => address,
      emit: () => undefined,
      transmit,
    },
    performance.now(),
  );
  return { core, publicKey: keyPair.publicKey };
}

/** What whoever watched a peer can make hostile datagrams of. */
export interface Captured {
  /** Packets of a peer that its node has accepted: one of a small event, and one as large as they come. */
  readonly small: Uint8Array;
  readonly large: Uint8Array;
  readonly nodeId: bigint;
  readonly publicKey: Uint8Array;
}

/** Each kind of datagram that a node is to drop. */
export const hostileKinds: Readonly<Record<string, (captured: Captured) => Uint8Array>> = {
  "random bytes": ({ small }) => random(small.length),
  "malformed packets": ({ small }) => malformed(small.length),
  "packets of no session": ({ small }) => ofNoSession(small),
  "replayed packets": ({ small }) => small.slice(),
  "forged packets": ({ small }) => forged(small),
  "forged packets of 8 KB": ({ large }) => forged(large),
  "first messages without the key": firstMessage,
};

/** `length` random bytes that begin like a packet. */
function malformed(length: number): Uint8Array {
  const bytes = random(length);
  bytes.set([0x45, 0x4e, 1, 0]);
  return bytes;
}

function ofNoSession(accepted: Uint8Array): Uint8Array {
  const bytes = accepted.slice();
  bytes.set(random(8), 24);
  return bytes;
}

/** The peer's session and a counter not yet seen, but a tag by somebody without the key. */
function forged(accepted: Uint8Array): Uint8Array {
  const bytes = accepted.slice();
  bytes.set(random(3), 17);
  bytes.set(random(16), bytes.length - 16);
  bytes[22] = 0;
  bytes[23] = 0;
  bytes[19] = 0;
  return bytes;
}

/** A handshake by somebody who knows the node, but not the pre-shared key. */
function firstMessage({ nodeId, publicKey }: Captured): Uint8Array {
  const sent: Uint8Array[] = [];
  const { core } = coreAt("127.0.0.1:9", random(32), (datagram) => sent.push(datagram));
  const now = performance.now();
  const path = { kind: "address", address: "127.0.0.1:1" } as const;
  core.connect({ nodeId, publicKey, path }, now, () => undefined);
  core.tick(now);
  const [datagram] = sent;
  if (datagram === undefined) throw new Error("the handshake did not begin");
  return datagram;
}
