import { describe, expect, test } from "vitest";
import { encodeStreamGrant, GRANT_STREAM } from "../stream-grant.js";
import { drain, Endpoint } from "./simulated-link.testing.js";
import type { IncomingPacket, OutgoingPacket } from "./types.js";

const SOCKET_BUFFER = 256 * 1024;
const event = (size: number): Uint8Array => new Uint8Array(size).fill(1);
const costOf = ({ payload }: OutgoingPacket): number => 80 + payload.length;
const sum = (packets: readonly OutgoingPacket[]): number =>
  packets.reduce((total, packet) => total + costOf(packet), 0);

/** What a peer grants that has taken `packets` of stream `streamId`, one event a packet. */
function grants(set: Endpoint["set"], streamId: bigint, packets: readonly OutgoingPacket[]): void {
  let totalConsumed = 0n;
  for (const packet of packets) {
    if (packet.streamId === streamId) {
      totalConsumed += BigInt(costOf(packet));
      const grant = encodeStreamGrant({ streamId, totalConsumed });
      set.receive(framed(grant), 0);
    }
  }
}

function framed(grant: Uint8Array): IncomingPacket {
  const payload = new Uint8Array(4 + grant.length);
  new DataView(payload.buffer).setUint32(0, grant.length, true);
  payload.set(grant, 4);
  return {
    flags: 0,
    fragFlags: 0,
    subprotocolId: 0x0b00,
    channelHint: 0,
    counter: 0,
    streamId: GRANT_STREAM,
    sequence: 0n,
    subnetId: 0,
    originHash: 0,
    fragmentId: 0,
    fragmentOffset: 0,
    eventCount: 1,
    payload,
  };
}

/** Eight streams with a window each, full of packets of `size` bytes of payload. */
function fullStreams(size: number): Endpoint {
  const endpoint = new Endpoint({ strict: false });
  for (let id = 1n; id <= 8n; id += 1n) {
    const handle = endpoint.set.open(id, 0);
    const most = Math.floor(65_536 / (80 + 4 + size));
    for (let count = 0; count < most; count += 1) {
      // A label of its own keeps each event in a packet of its own.
      const label = { subprotocolId: 0, channelHint: 0, subnetId: 0, originHash: 0 };
      expect(endpoint.set.send(handle, [event(size)], 0, { label })).toBe(1);
    }
  }
  return endpoint;
}

describe("what is under way to a 0.19.0 node over several streams", () => {
  test("fits its socket, whatever the windows of the streams add up to", () => {
    expect(sum(drain(fullStreams(8000), 0))).toBeLessThan(SOCKET_BUFFER * 0.6);
  });

  test("is bounded in packets too, since small ones take more room than their bytes", () => {
    expect(drain(fullStreams(20), 0)).toHaveLength(256);
  });

  test("goes on as grants arrive, until all of it has left", () => {
    const endpoint = fullStreams(8000);
    const left: OutgoingPacket[] = [];
    for (let round = 0; round < 20; round += 1) {
      left.push(...drain(endpoint, 0));
      for (let id = 1n; id <= 8n; id += 1n) grants(endpoint.set, id, left);
    }
    expect(left).toHaveLength(64);
    expect(endpoint.set.stats(3n)?.txCreditRemaining).toBe(65_536);
  });

  test("is taken for lost when no grant comes for a second", () => {
    const endpoint = fullStreams(8000);
    const first = drain(endpoint, 0).length;
    expect(drain(endpoint, 999)).toEqual([]);
    expect(endpoint.set.deadline()).toBe(1000);
    expect(drain(endpoint, 1000)).toHaveLength(first);
  });

  test("holds up neither control messages nor streams without a window", () => {
    const endpoint = fullStreams(8000);
    drain(endpoint, 0);
    endpoint.set.sendTo(0x0d00n, [event(19)], 0, { uncredited: true });
    const unlimited = endpoint.set.open(99n, 0, { window: 0 });
    endpoint.set.send(unlimited, [event(10)], 0);
    expect(drain(endpoint, 0).map(({ streamId }) => streamId)).toEqual([0x0d00n, 99n]);
  });

  test("is granted for streams that were closed meanwhile", () => {
    const endpoint = new Endpoint({ strict: false });
    const left: OutgoingPacket[] = [];
    for (let id = 1n; id <= 40n; id += 1n) {
      const handle = endpoint.set.open(id, 0);
      endpoint.set.send(handle, [event(8000), event(8000)], 0);
      endpoint.set.close(handle, 0);
      left.push(...drain(endpoint, 0));
      grants(endpoint.set, id, left);
    }
    left.push(...drain(endpoint, 0));
    expect(left).toHaveLength(80);
  });
});
