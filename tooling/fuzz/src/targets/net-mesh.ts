import { CapabilitySet } from "@gaiaftcl/net-capability";
import { Identity } from "@gaiaftcl/net-identity";
import { MeshCore, meshTuning } from "@gaiaftcl/net-mesh";
import {
  ALL_FEATURES,
  datagramKind,
  dhKeyPair,
  encodeEventFrames,
  encodeRouted,
  handshakeMessage,
  handshakePacket,
  InitiatorHandshake,
  meshPrologue,
  Session,
} from "@gaiaftcl/net-wire";
import { gatewayOf } from "../../../../packages/net-mesh/src/port-mapping/default-gateway.ts";
import { readSearchAnswer } from "../../../../packages/net-mesh/src/port-mapping/gateway-search.ts";
import {
  readExternalAddress,
  readMapUdp,
} from "../../../../packages/net-mesh/src/port-mapping/nat-pmp-codec.ts";
import {
  elementsNamed,
  escapeXml,
  readPlainXml,
} from "../../../../packages/net-mesh/src/port-mapping/plain-xml.ts";
import {
  connectionService,
  readActionReply,
} from "../../../../packages/net-mesh/src/port-mapping/upnp-messages.ts";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claim } from "./claims.ts";
import { Script } from "./script.ts";
import { vectorBytes, vectorTexts } from "./seeds.ts";

const HOST = "192.168.1.1";
const PEER = "10.0.0.2:1";
const identity = Identity.fromSeed(new Uint8Array(32).fill(1));
const peer = Identity.fromSeed(new Uint8Array(32).fill(2));
const keyPair = dhKeyPair(new Uint8Array(32).fill(3));
const psk = new Uint8Array(32).fill(0x5a);
const text = (input: Uint8Array): string => new TextDecoder().decode(input);

/** Everything that travels between nodes: data, announcements, membership, traversal, grants, control. */
const SUBPROTOCOLS = [0, 0x0a00, 0x0b00, 0x0c00, 0x0d00, 0x0d01, 0x4746, 0x4747, 0x4748] as const;

/** A node that has a channel, and a session with a peer that says what it likes. */
function nodeWithPeer(isStrict: boolean): { readonly core: MeshCore; readonly session: Session } {
  let next = 10;
  const randomBytes = (length: number): Uint8Array => new Uint8Array(length).fill(next++ & 0xff);
  const sent: Uint8Array[] = [];
  const core = new MeshCore(
    {
      identity,
      keyPair,
      psk,
      tuning: meshTuning({}),
      randomBytes,
      wallClock: () => 1_700_000_000_000,
      boundAddress: () => "10.0.0.1:1",
      transmit: (datagram) => {
        if (sent.length < 16) sent.push(datagram);
      },
      emit: () => undefined,
    },
    0,
  );
  core.registerChannel("room/door");
  core.announce(CapabilitySet.of(["door"]), 0);
  core.accept(peer.nodeId, 0, () => undefined);
  const handshake = new InitiatorHandshake({
    psk,
    prologue: meshPrologue(peer.nodeId, core.nodeId),
    responderPublicKey: keyPair.publicKey,
    randomBytes,
    ...(isStrict ? { offer: { features: ALL_FEATURES, receiveWindow: 65_536 } } : {}),
  });
  core.receive(handshakePacket(handshake.message1()), PEER, 0);
  core.tick(0);
  for (const datagram of sent) {
    const message = handshakeMessage(datagram);
    const keys = message && handshake.finish(message);
    if (keys !== undefined) return { core, session: new Session(keys, 0) };
  }
  throw new Error("no session came about");
}

/** A course of datagrams: raw ones from anywhere, and sealed ones of the peer. */
function runNode(input: Uint8Array, isStrict: boolean): void {
  const script = new Script(input);
  const { core, session } = nodeWithPeer(isStrict);
  let now = 1;
  for (let steps = 0; !script.isDone && steps < 32; steps += 1) {
    const kind = script.u8();
    now += script.u8() * (kind & 1 ? 100 : 1);
    if (kind < 96) {
      core.receive(script.take(script.u8()), `10.0.0.${kind & 7}:${kind >> 3}`, now);
    } else {
      const subprotocolId = SUBPROTOCOLS[script.u8() % SUBPROTOCOLS.length] ?? 0;
      const flags = script.u8() & 0x2f;
      const bytes = script.take(script.u16() & 0x7ff);
      const isFramed = (kind & 2) === 0;
      const payload = isFramed ? encodeEventFrames([bytes]) : bytes;
      const eventCount = isFramed ? 1 : kind & 31;
      const streamId = BigInt(script.u8());
      const fields = { flags, subprotocolId, streamId, eventCount, sequence: BigInt(steps) };
      const packet = session.seal(fields, payload, now);
      const header = { ttl: 4, hopCount: 0, flags: 0, source: 0, destination: core.nodeId };
      core.receive((kind & 4) === 0 ? packet : encodeRouted(header, packet), PEER, now);
    }
    core.tick(now);
    claim(!Number.isNaN(core.deadline()), "the deadline is a time");
  }
  const { peers, routes, knownNodes, announcedNodes, pendingHandshakes, memberships } = core.stats;
  claim(peers <= 2, `few peers: ${peers}`);
  claim(routes + knownNodes <= 70, `few routes: ${routes}, ${knownNodes}`);
  claim(announcedNodes + memberships + pendingHandshakes <= 70, "small tables");
  core.findNodes();
}

/** Courses of one datagram: each of the vectors as it is, and as the peer would send it. */
function courses(): Uint8Array[] {
  const sealed = (subprotocolId: (typeof SUBPROTOCOLS)[number], bytes: Uint8Array): Uint8Array => {
    const index = SUBPROTOCOLS.indexOf(subprotocolId);
    const head = Buffer.of(96, 1, index, 0, bytes.length & 255, bytes.length >> 8);
    return Buffer.concat([head, bytes]);
  };
  const announcements = vectorTexts("net-capability/vectors/capabilities.json")
    .filter((text) => text.startsWith("{"))
    .map((text) => Buffer.from(text));
  // A node takes a while to begin with, so there are few: what is short, and each only once.
  const byLength = new Map(
    vectorBytes("net-wire/vectors/net-transport.json")
      .filter((bytes) => bytes.length >= 8 && bytes.length <= 96)
      .map((bytes) => [`${bytes.length} ${bytes[0]}`, bytes]),
  );
  const messages = [...byLength.values()];
  return [
    ...messages.map((bytes) => Buffer.concat([Buffer.of(0, 1, bytes.length), bytes])),
    ...messages.flatMap((bytes) =>
      ([0x0b00, 0x0d01, 0x4746] as const).map((id) => sealed(id, bytes)),
    ),
    ...vectorBytes("net-channel/vectors/net-channel.json")
      .slice(0, 40)
      .map((bytes) => sealed(0x0a00, bytes)),
    ...announcements.slice(0, 20).map((bytes) => sealed(0x0c00, bytes)),
  ].filter((course) => course.length <= 2048);
}

export const targets: readonly FuzzTarget[] = [
  ...[true, false].map(
    (isStrict): FuzzTarget => ({
      name: `net-mesh/${isStrict ? "strict" : "legacy"}-peer`,
      seeds: courses,
      share: 0.3,
      work: 3_000_000,
      memory: 64 * 1024 * 1024,
      run: (input) => {
        runNode(input, isStrict);
      },
    }),
  ),
  {
    name: "net-mesh/nat-pmp",
    seeds: () => [
      Buffer.from("00800000000000012c00020304", "hex"),
      Buffer.from("008000000000000101020304", "hex"),
      Buffer.from("00810000000000012328232900000e10", "hex"),
      Buffer.from("0081000200000001", "hex"),
    ],
    maxLength: 64,
    run(input) {
      const address = readExternalAddress(input);
      if (address?.ok) claim(/^(?:\d{1,3}\.){3}\d{1,3}$/u.test(address.value), "an address is one");
      const mapped = readMapUdp(input);
      if (mapped?.ok) claim(datagramKind(input) !== "packet", "a reply is no packet");
    },
  },
  {
    name: "net-mesh/plain-xml",
    seeds: () => [
      '<?xml version="1.0"?><root><a:service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>/c?a=1&amp;b</controlURL></a:service></root>',
      "<s:Envelope><s:Body><u:AddPortMappingResponse/></s:Body></s:Envelope>",
      "<a><!-- x --><errorCode>718</errorCode>&#65;&#x41;</a>",
    ],
    dictionary: [
      "URLBase",
      "</",
      "/>",
      "<!--",
      "-->",
      "<![CDATA[",
      "<!DOCTYPE",
      "&lt;",
      "http://192.168.1.1/",
    ],
    run(input) {
      const written = text(input);
      const root = readPlainXml(written);
      const service = connectionService(written, new URL(`http://${HOST}/d.xml`));
      if (service)
        claim(service.controlUrl.hostname === HOST, "the control address is on the host");
      readActionReply("AddPortMapping", 200, written);
      if (root === undefined) return;
      claim(elementsNamed(root, root.name).length <= 2048, "few elements");
      const plain = readPlainXml(`<a>${escapeXml(root.text)}</a>`);
      claim(plain?.text === root.text, "escaped text is read as it was");
    },
  },
  {
    name: "net-mesh/gateway",
    seeds: () => [
      `HTTP/1.1 200 OK\r\nLOCATION: http://${HOST}:5000/d.xml\r\nST: x\r\n\r\n`,
      "Iface\tDestination\tGateway\tFlags\neth0\t00000000\t0101A8C0\t0003\n",
    ],
    dictionary: ["location:", "http://", "@192.168.1.1", "[::ffff:192.168.1.1]"],
    run(input) {
      const url = readSearchAnswer(input, HOST);
      if (url)
        claim(url.hostname === HOST && url.protocol === "http:", "the address is on the host");
      for (const order of ["LE", "BE"] as const) {
        const gateway = gatewayOf(text(input), order);
        if (gateway) claim(/^(?:\d{1,3}\.){3}\d{1,3}$/u.test(gateway), "a gateway is an address");
      }
    },
  },
];
