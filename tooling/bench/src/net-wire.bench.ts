import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import {
  ALL_FEATURES,
  type EstablishedKeys,
  generateDhKeyPair,
  InitiatorHandshake,
  meshPrologue,
  type Offer,
  PacketSession,
  respond,
  type SealFields,
} from "@gaiaftcl/net-wire";
import {
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkResult,
  type Comparison,
  compareRates,
  type Figure,
  medianDurations,
} from "./benchmark.ts";

const PEER = "node:crypto, a cipher object a packet";
const SIZES = [64, 1024, 4352, 8112];
const fields: SealFields = {
  flags: 0,
  subprotocolId: 0,
  streamId: 1n,
  sequence: 1n,
  eventCount: 1,
};

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

interface Established {
  readonly initiator: EstablishedKeys;
  readonly responder: EstablishedKeys;
}

function shake(offer: Offer | undefined): Established {
  const prologue = meshPrologue(1n, 2n);
  const psk = new Uint8Array(32).fill(0x42);
  const keyPair = generateDhKeyPair(random);
  const offered = offer === undefined ? {} : { offer };
  const handshake = new InitiatorHandshake({
    ...offered,
    prologue,
    psk,
    responderPublicKey: keyPair.publicKey,
    randomBytes: random,
  });
  const response = respond({
    ...offered,
    prologue,
    psk,
    keyPair,
    routed: false,
    message1: handshake.message1(),
    randomBytes: random,
  });
  const initiator = response && handshake.finish(response.message2);
  if (response === undefined || initiator === undefined) throw new Error("no session");
  return { initiator, responder: response.keys };
}

/** What a packet costs when each is given a cipher object of its own, with the same header bytes covered. */
function plainSeal(key: Uint8Array, nonce: Uint8Array, payload: Uint8Array): Uint8Array {
  const packet = Buffer.allocUnsafe(80 + payload.length);
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  cipher.setAAD(packet.subarray(0, 52), { plaintextLength: payload.length });
  packet.set(cipher.update(payload), 64);
  cipher.final();
  packet.set(cipher.getAuthTag(), 64 + payload.length);
  return packet;
}

function plainOpen(key: Uint8Array, nonce: Uint8Array, packet: Uint8Array): Uint8Array {
  const end = packet.length - 16;
  const cipher = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  cipher.setAAD(packet.subarray(0, 52), { plaintextLength: end - 64 });
  cipher.setAuthTag(packet.subarray(end));
  const payload = cipher.update(packet.subarray(64, end));
  cipher.final();
  return payload;
}

async function transfer(size: number, context: BenchmarkContext): Promise<Comparison> {
  const packets = context.quick ? 500 : 20_000;
  const payload = random(size);
  const { initiator, responder } = shake({ features: ALL_FEATURES, receiveWindow: 1 << 20 });
  const [sender, receiver] = [new PacketSession(initiator, 0), new PacketSession(responder, 0)];
  const [key, nonce] = [random(32), random(12)];
  const sealed = Buffer.from(plainSeal(key, nonce, payload));
  // The peer's associated data is the start of its own packet: fixed, so that it verifies.
  sealed.fill(0, 0, 52);
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  cipher.setAAD(sealed.subarray(0, 52), { plaintextLength: size });
  sealed.set(cipher.update(payload), 64);
  cipher.final();
  sealed.set(cipher.getAuthTag(), 64 + size);
  const durations = await medianDurations(
    {
      ours: () => {
        // As a node does: what was sealed has left, and what arrived is its own.
        for (let n = 0; n < packets; n += 1) {
          const datagram = sender.seal(fields, payload, 0);
          receiver.openInPlace(datagram, 0);
          sender.release(datagram);
        }
      },
      theirs: () => {
        for (let n = 0; n < packets; n += 1) {
          plainSeal(key, nonce, payload);
          plainOpen(key, nonce, sealed);
        }
      },
    },
    { rounds: context.quick ? 1 : 5 },
  );
  return compareRates(
    `seal and open, ${size} B`,
    PEER,
    (1000 * packets) / durations.ours,
    (1000 * packets) / durations.theirs,
    { target: 1 },
  );
}

/** Datagrams a second that one core drops. */
async function refusals(context: BenchmarkContext): Promise<Figure[]> {
  const { initiator, responder } = shake(undefined);
  const [sender, receiver] = [new PacketSession(initiator, 0), new PacketSession(responder, 0)];
  const packet = sender.seal(fields, random(64), 0);
  receiver.open(packet, 0);
  const forged = (size: number): Uint8Array => {
    const copy = sender.seal(fields, random(size), 0);
    copy.fill(copy[70] as number, 70, 71).fill((copy[79] as number) ^ 1, 79, 80);
    return copy;
  };
  const otherSession = Uint8Array.from(packet).fill(0, 24, 32);
  const cases: Readonly<Record<string, Uint8Array>> = {
    "malformed, 64 B of noise": random(64),
    "another session": otherSession,
    "replayed, 64 B": packet,
    "forged, 64 B": forged(64),
    "forged, 1 KB": forged(1024),
    "forged, 8 KB": forged(8112),
  };
  const count = context.quick ? 1000 : 100_000;
  const figures: Figure[] = [];
  for (const [name, datagram] of Object.entries(cases)) {
    const { drop } = await medianDurations(
      {
        drop: () => {
          for (let n = 0; n < count; n += 1) receiver.open(datagram, 0);
        },
      },
      { rounds: context.quick ? 1 : 5 },
    );
    figures.push({
      name: `dropped: ${name}`,
      value: (1000 * count) / drop,
      unit: "/s",
      target: "at least 500,000",
    });
  }
  return figures;
}

async function handshakes(context: BenchmarkContext): Promise<Figure> {
  const count = context.quick ? 10 : 300;
  const { run } = await medianDurations(
    {
      run: () => {
        for (let n = 0; n < count; n += 1) shake(undefined);
      },
    },
    { rounds: context.quick ? 1 : 3 },
  );
  return { name: "handshakes, both sides", value: (1000 * count) / run, unit: "/s" };
}

export const benchmarks: readonly Benchmark[] = [
  {
    name: "net-wire",
    async run(context): Promise<BenchmarkResult> {
      const comparisons: Comparison[] = [];
      for (const size of SIZES) comparisons.push(await transfer(size, context));
      return { comparisons, figures: [...(await refusals(context)), await handshakes(context)] };
    },
  },
];
