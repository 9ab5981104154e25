import {
  ALL_FEATURES,
  createStreamSet,
  datagramKind,
  decodeAddress,
  decodeEventFrames,
  decodeHeader,
  decodeKeepAlive,
  decodeNack,
  decodeOffer,
  decodePingwave,
  decodeReflex,
  decodeRendezvous,
  decodeRoutingHeader,
  decodeStreamGrant,
  decodeVersionManifest,
  dhKeyPair,
  type EstablishedKeys,
  encodeAddress,
  encodeEventFrames,
  encodeHeader,
  encodeKeepAlive,
  encodeNack,
  encodeOffer,
  encodePingwave,
  encodeReflex,
  encodeRendezvous,
  encodeRouted,
  encodeStreamGrant,
  encodeVersionManifest,
  ensureAddress,
  forwardRouted,
  HEADER_BYTES,
  handshakeMessage,
  handshakePacket,
  InitiatorHandshake,
  MAX_PAYLOAD_BYTES,
  meshPrologue,
  missingSequences,
  NetWireError,
  parseAddress,
  ROUTING_HEADER_BYTES,
  respond,
  Session,
} from "@gaiaftcl/net-wire";
import { parseControl } from "../../../../packages/net-wire/src/stream/control-frames.ts";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claim, claimSame, claimStable, unlessRefused } from "./claims.ts";
import { Script } from "./script.ts";
import { vectorBytes } from "./seeds.ts";

const seeds = (): Uint8Array[] => vectorBytes("net-wire/vectors/net-transport.json");

/** A target for a codec whose decoder gives undefined for what it refuses. */
function codec<T>(
  name: string,
  decode: (bytes: Uint8Array) => T | undefined,
  encode: (value: T) => Uint8Array,
): FuzzTarget {
  return {
    name: `net-wire/${name}`,
    seeds,
    run(input) {
      const value = decode(input);
      if (value !== undefined) claimStable(value, encode, decode);
    },
  };
}

const psk = new Uint8Array(32).fill(0x5a);
const keyPair = dhKeyPair(new Uint8Array(32).fill(1));
const prologue = meshPrologue(1n, 2n);
const offer = { features: ALL_FEATURES, receiveWindow: 1024 * 1024 };

/** Randomness that is the same in every run. */
function fixedBytes(first: number): (length: number) => Uint8Array {
  let next = first;
  return (length) => new Uint8Array(length).fill(next++);
}

function initiator(isStrict: boolean, isRouted = false): InitiatorHandshake {
  return new InitiatorHandshake({
    prologue,
    psk,
    responderPublicKey: keyPair.publicKey,
    randomBytes: fixedBytes(40),
    ...(isStrict ? { offer } : {}),
    ...(isRouted ? { routedNodeId: 1n } : {}),
  });
}

function answerTo(message1: Uint8Array, isStrict: boolean, routed = false) {
  const randomBytes = fixedBytes(80);
  return respond({
    prologue,
    psk,
    keyPair,
    message1,
    routed,
    randomBytes,
    ...(isStrict ? { offer } : {}),
  });
}

/** The keys of both sides of a session, the initiator first. */
function establish(isStrict: boolean): readonly [EstablishedKeys, EstablishedKeys] {
  const ours = initiator(isStrict);
  const answer = answerTo(ours.message1(), isStrict);
  const keys = answer && ours.finish(answer.message2);
  if (answer === undefined || keys === undefined) throw new Error("no session came about");
  return [keys, answer.keys];
}

const strictKeys = establish(true);
const legacyKeys = establish(false);

/** Both sides of a session, always with the same keys. */
function sessionPair(isStrict: boolean): readonly [Session, Session] {
  const [ours, theirs] = isStrict ? strictKeys : legacyKeys;
  return [new Session(ours, 0), new Session(theirs, 0)];
}

/**
 * A peer that has the keys and says what it likes: every step is a packet of chosen header fields and
 * payload to a stream set that sends, too.
 */
function runStreams(input: Uint8Array, strict: boolean): void {
  const script = new Script(input);
  const [theirs, session] = sessionPair(strict);
  let delivered = 0;
  const streams = createStreamSet({
    strict,
    maxStreams: 8,
    sendBuffer: 65_536,
    maxEventBytes: 65_536,
    receiveWindow: 16_384,
    observer: {
      deliver: (batch) => {
        delivered += 1;
        streams.consume(batch, now);
      },
    },
  });
  let now = 0;
  for (let steps = 0; !script.isDone && steps < 64; steps += 1) {
    now += script.u8();
    const kind = script.u8();
    if (kind < 64) {
      unlessRefused(NetWireError, () =>
        streams.sendTo(BigInt(kind & 7), [script.take(script.u8())], now, {
          open: { reliability: (kind & 8) === 0 ? "reliable" : "fire_and_forget" },
        }),
      );
    } else {
      const fields = {
        flags: script.u8() & 0x0f,
        fragFlags: kind & 1,
        subprotocolId: (kind & 2) === 0 ? 0 : (kind & 4) === 0 ? 0x4746 : 0x0b00,
        streamId: BigInt(script.u8() & 15),
        sequence: BigInt(script.u16()),
        fragmentId: script.u8(),
        fragmentOffset: script.u8(),
        eventCount: script.u8(),
      };
      const bytes = script.take(script.u8());
      const payload = (kind & 8) === 0 ? bytes : encodeEventFrames([bytes]);
      const opened = session.open(theirs.seal(fields, payload, now), now);
      if (opened === undefined) throw new Error("a sealed packet did not open");
      streams.receive(opened, now);
    }
    for (let packets = 0; packets < 64; packets += 1) {
      const packet = streams.next(now);
      if (packet === undefined) break;
      session.seal(packet, packet.payload, now);
      streams.sealed(packet, session.lastCounter, now);
      const events = decodeEventFrames(packet.payload, packet.eventCount);
      claim(packet.eventCount === 0 || events.length > 0, "a packet has the events it declares");
    }
    claim(!Number.isNaN(streams.deadline()), "the deadline is a time");
  }
  const { heldBytes, bufferedBytes, streams: open } = streams.sessionStats();
  claim(open <= 16, `few streams are open: ${open}`);
  claim(heldBytes <= 8 * 16_384 + 65_536, `little is held: ${heldBytes}`);
  claim(bufferedBytes <= 65_536 + 8 * 256, `little is buffered: ${bufferedBytes}`);
  claim(delivered <= 64 * 256, "no more is delivered than came");
}

const firstMessages = [
  initiator(false).message1(),
  initiator(true).message1(),
  initiator(false, true).message1(),
  initiator(true, true).message1(),
];
const [sealing, opening] = [sessionPair(true), sessionPair(false)];

export const targets: readonly FuzzTarget[] = [
  {
    name: "net-wire/header",
    seeds,
    run(input) {
      const header = decodeHeader(input);
      if (header === undefined) return;
      // No session counts beyond; a header is exact up to there.
      if (header.counter <= Number.MAX_SAFE_INTEGER) {
        claimSame(encodeHeader(header), input.subarray(0, HEADER_BYTES), "a header");
      }
      claim(header.payloadLength <= MAX_PAYLOAD_BYTES, "the payload is within bounds");
      claim(datagramKind(input) !== "unknown", "what has a header is some kind of datagram");
      const message = handshakeMessage(input);
      if (message !== undefined) {
        claimSame(handshakeMessage(handshakePacket(message)), new Uint8Array(message), "a message");
      }
    },
  },
  {
    name: "net-wire/event-frames",
    seeds,
    run(input) {
      const events = decodeEventFrames(input.subarray(1), (input[0] ?? 0) * 9);
      claim(events.length <= (input[0] ?? 0) * 9, "no more events than declared");
      const again = decodeEventFrames(encodeEventFrames(events), events.length);
      claimSame(again, events, "the events");
    },
  },
  {
    name: "net-wire/routing-header",
    seeds,
    run(input) {
      const header = decodeRoutingHeader(input);
      const forwarded = forwardRouted(input);
      if (header === undefined) {
        claim(forwarded === undefined, "what is no routed packet is not forwarded");
        return;
      }
      const packet = input.subarray(ROUTING_HEADER_BYTES);
      claimSame(decodeRoutingHeader(encodeRouted(header, packet)), header, "a routing header");
      claim((forwarded === undefined) === (header.ttl === 0), "what may go on goes on");
      if (forwarded === undefined) return;
      claimSame(
        decodeRoutingHeader(forwarded),
        { ...header, ttl: header.ttl - 1, hopCount: Math.min(255, header.hopCount + 1) },
        "a forwarded header",
      );
      claimSame(forwarded.subarray(ROUTING_HEADER_BYTES), new Uint8Array(packet), "the packet");
    },
  },
  codec("pingwave", decodePingwave, encodePingwave),
  codec("rendezvous", decodeRendezvous, encodeRendezvous),
  codec("reflex", decodeReflex, encodeReflex),
  codec("keep-alive", decodeKeepAlive, encodeKeepAlive),
  codec("address", decodeAddress, encodeAddress),
  codec("offer", decodeOffer, encodeOffer),
  codec("stream-grant", decodeStreamGrant, encodeStreamGrant),
  codec("version-manifest", decodeVersionManifest, encodeVersionManifest),
  {
    name: "net-wire/address-text",
    seeds: () => [
      "127.0.0.1:80",
      "[::1]:9",
      "[2001:db8::1:0:0:1]:65535",
      "[::ffff:1.2.3.4]:1",
      "1.2.3:4",
    ],
    maxLength: 64,
    run(input) {
      const text = new TextDecoder().decode(input);
      const parts = parseAddress(text);
      const address = unlessRefused(NetWireError, () => ensureAddress(text));
      claim((parts === undefined) === (address === undefined), "both ways of reading agree");
      if (address === undefined) return;
      claimSame(ensureAddress(address), address, "the canonical spelling");
      claimSame(decodeAddress(encodeAddress(address)), address, "an address as bytes");
    },
  },
  {
    name: "net-wire/nack",
    seeds,
    run(input) {
      const nack = decodeNack(input);
      if (nack === undefined) return;
      claimStable(nack, encodeNack, decodeNack);
      const missing = missingSequences(nack);
      claim(missing.length >= 1 && missing.length <= 65, "a NACK names 1 to 65 sequences");
    },
  },
  {
    name: "net-wire/stream-control",
    seeds,
    run(input) {
      const message = parseControl(input);
      if (message === undefined) return;
      let last = Number.POSITIVE_INFINITY;
      for (const range of message.acknowledgement?.ranges ?? []) {
        claim(range.first >= 0 && range.first <= range.last, "a range is one");
        claim(range.last < last - 1, "ranges fall and do not touch");
        last = range.first;
      }
      claim(message.credits.length * 2 <= input.length, "no more credits than bytes for them");
    },
  },
  {
    name: "net-wire/handshake-message-1",
    seeds: () => [...seeds(), ...firstMessages],
    share: 0.3,
    work: 400_000,
    run(input) {
      for (const routed of [false, true]) {
        if (answerTo(input, true, routed) === undefined) continue;
        // Only who has the keys can make one that verifies: no other than those we made.
        const isOurs = firstMessages.some((message) => Buffer.compare(message, input) === 0);
        claim(isOurs, "only a message of a holder of the keys verifies");
      }
    },
  },
  {
    name: "net-wire/handshake-message-2",
    seeds: () => [
      ...seeds(),
      answerTo(initiator(true).message1(), true)?.message2 ?? "",
      ...seeds(),
    ],
    share: 0.3,
    work: 400_000,
    run(input) {
      const ours = initiator(true);
      const answer = answerTo(ours.message1(), true);
      const keys = ours.finish(input);
      const isReal = Buffer.compare(input, answer?.message2 ?? input) === 0;
      claim((keys !== undefined) === isReal, "only the real answer verifies");
      // A false answer leaves the attempt as it was.
      if (!isReal && answer)
        claim(ours.finish(answer.message2) !== undefined, "the real one still does");
    },
  },
  {
    name: "net-wire/session-datagram",
    seeds: () => [
      ...seeds(),
      ...[sealing[0], opening[0]].map((session) =>
        session.seal({ streamId: 7n, eventCount: 1 }, encodeEventFrames([psk]), 0),
      ),
      sealing[0].heartbeat(0),
    ],
    run(input) {
      for (const [, session] of [sealing, opening]) {
        const { packetsOpened, rejected } = session.stats;
        const opened = session.open(input, 1);
        const after = session.stats;
        const total = (counts: object): number => Object.values(counts).reduce((a, b) => a + b, 0);
        claim(
          opened === undefined
            ? total(after.rejected) === total(rejected) + 1 && after.packetsOpened === packetsOpened
            : after.packetsOpened === packetsOpened + 1,
          "every datagram is opened or counted as rejected",
        );
        // The same datagram does not open twice.
        if (opened !== undefined) claim(session.open(input, 1) === undefined, "no replay");
      }
    },
  },
  {
    name: "net-wire/strict-streams",
    seeds,
    share: 0.5,
    work: 2_000_000,
    memory: 64 * 1024 * 1024,
    run: (input) => {
      runStreams(input, true);
    },
  },
  {
    name: "net-wire/legacy-streams",
    seeds,
    share: 0.5,
    work: 2_000_000,
    memory: 64 * 1024 * 1024,
    run: (input) => {
      runStreams(input, false);
    },
  },
];
