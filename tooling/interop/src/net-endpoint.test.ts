import { EventBus } from "@gaiaftcl/event-bus";
import { type EndpointReliability, NetEndpoint } from "@gaiaftcl/net-mesh/adapter";
import { freeUdpPort } from "@gaiaftcl/peers";
import { describe, expect, it } from "vitest";
import { NetEndpointPeer } from "./net-endpoint-peer.ts";

const psk = "42".repeat(32);
const count = 2_000;

async function collect(bus: EventBus, wanted: number): Promise<string[]> {
  const found: string[] = [];
  for await (const event of bus.events({ signal: AbortSignal.timeout(60_000) })) {
    found.push(event.raw);
    if (found.length >= wanted) break;
  }
  return found;
}

function events(name: string): string[] {
  return Array.from({ length: count }, (_, index) => JSON.stringify({ [name]: index }));
}

describe.each<EndpointReliability>(["none", "light", "full"])(
  "a bus over one session with the wheel (%s)",
  (reliability) => {
    it.each(["initiator", "responder"] as const)(
      "as %s takes what the wheel ingests and gives it ours",
      async (role) => {
        await using peer = await NetEndpointPeer.start();
        const { publicKey, secretKey } = await peer.keypair();
        const [ours, theirs] = [
          `127.0.0.1:${await freeUdpPort()}`,
          `127.0.0.1:${await freeUdpPort()}`,
        ];
        const isInitiator = role === "initiator";
        const endpoint = new NetEndpoint({
          bind: ours,
          peer: theirs,
          psk,
          role,
          reliability,
          ...(isInitiator ? { peerPublicKey: publicKey } : { secretKey }),
        });
        await using bus = new EventBus({ adapter: endpoint, numShards: 4 });
        const connected = endpoint.connect(AbortSignal.timeout(60_000));
        const failure = await peer.connect({
          num_shards: 4,
          net_bind_addr: theirs,
          net_peer_addr: ours,
          net_psk: psk,
          net_reliability: reliability,
          ...(isInitiator
            ? { net_role: "responder", net_secret_key: secretKey, net_public_key: publicKey }
            : { net_role: "initiator", net_peer_public_key: publicKey }),
        });
        expect(failure).toBeUndefined();
        await connected;
        expect(endpoint.stats).toMatchObject({ connected: true, strict: false });

        const mine = events("typescript");
        for (const event of mine) bus.ingestRaw(event);
        expect((await peer.poll(count)).toSorted()).toEqual(mine.toSorted());

        const its = events("python");
        await peer.ingest(its);
        expect((await collect(bus, count)).toSorted()).toEqual(its.toSorted());
      },
    );
  },
);

it("an endpoint that requires a strict session refuses the wheel", async () => {
  await using peer = await NetEndpointPeer.start();
  const { publicKey, secretKey } = await peer.keypair();
  const [ours, theirs] = [`127.0.0.1:${await freeUdpPort()}`, `127.0.0.1:${await freeUdpPort()}`];
  const endpoint = new NetEndpoint({
    bind: ours,
    peer: theirs,
    psk,
    role: "initiator",
    peerPublicKey: publicKey,
    requireStrict: true,
  });
  await using bus = new EventBus({ adapter: endpoint, numShards: 1 });
  const answering = peer.connect({
    net_bind_addr: theirs,
    net_peer_addr: ours,
    net_psk: psk,
    net_role: "responder",
    net_secret_key: secretKey,
    net_public_key: publicKey,
  });
  await expect(endpoint.connect(AbortSignal.timeout(8_000))).rejects.toMatchObject({
    code: "ABORTED",
  });
  expect(endpoint.stats.connected).toBe(false);
  await answering;
  await bus.close();
});
