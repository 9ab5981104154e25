// A node of ours under measurement: one JSON request a line, one JSON answer a line. Arguments: bind
// address, pre-shared key (hex), and "guarded" for the limits a node has by default. Node ids travel as
// decimal text; instants are nanoseconds of the machine's monotonic clock, which processes share.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { MeshNode, type MeshNodeOptions } from "@gaiaftcl/net-mesh";

const [bind = "127.0.0.1:0", psk = "", limits = ""] = process.argv.slice(2);
const unlimited = {
  handshakesPerSource: 100_000,
  handshakesPerSecond: 100_000,
  pingwavesPerSource: 100_000,
};
const options: MeshNodeOptions = { bind, psk, tuning: limits === "guarded" ? {} : unlimited };
const node = await MeshNode.listen(options);
const others: MeshNode[] = [];
// One receiver for the life of the process: each task takes from it what it waits for.
const arrived = node.batches();

const loopDelay = monitorEventLoopDelay({ resolution: 1 });
// It wakes the process every millisecond, which other figures than the flood's would show.
if (limits === "guarded") loopDelay.enable();

type Tasks = Record<string, (...args: never[]) => unknown>;

const tasks: Tasks = {
  async connect(address: string, publicKey: string, peer: string) {
    await node.connect(address, Buffer.from(publicKey, "hex"), BigInt(peer));
    return null;
  },

  async send(
    peer: string,
    stream: number,
    count: number,
    size: number,
    perCall: number,
    window: number,
  ) {
    const handle = node.openStream(BigInt(peer), BigInt(stream), {
      reliability: "reliable",
      window,
    });
    const event = new Uint8Array(size);
    const batch = new Array<Uint8Array>(perCall).fill(event);
    let refused = 0;
    const start = instant();
    for (let sent = 0; sent < count; sent += perCall) {
      let taken = handle.send(perCall === 1 ? event : batch);
      while (taken < perCall) {
        refused += 1;
        await handle.drained();
        taken += handle.send(batch.slice(taken));
      }
    }
    return { start, refused };
  },

  async receive(count: number, patience: number) {
    let received = 0;
    let last = instant();
    const watch = setInterval(() => {
      if (instant() - last > patience * 1e9) void arrived.return?.();
    }, 100);
    while (received < count) {
      const { done, value } = await arrived.next();
      if (done === true) break;
      received += value.events().length;
      last = instant();
    }
    clearInterval(watch);
    return { received, last };
  },

  async send_stamps(peer: string, stream: number, count: number, interval: number) {
    const handle = node.openStream(BigInt(peer), BigInt(stream), { reliability: "reliable" });
    for (let sent = 0; sent < count; sent += 1) {
      handle.send(Buffer.from(String(process.hrtime.bigint()).padEnd(64)));
      await delay(interval * 1000);
    }
    return null;
  },

  async receive_stamps(count: number, stream = 1) {
    const latencies: number[] = [];
    while (latencies.length < count) {
      const { done, value } = await arrived.next();
      if (done === true) break;
      const at = process.hrtime.bigint();
      if (value.streamId !== BigInt(stream)) continue;
      for (const event of value) {
        latencies.push(Number(at - BigInt(Buffer.from(event).toString().trim())) / 1000);
      }
    }
    return latencies;
  },

  /** Further nodes in this process instead of those before, each to make one handshake; the ids they have. */
  async prepare(count: number) {
    await Promise.all(others.splice(0).map((other) => other.close()));
    for (let made = 0; made < count; made += 1) {
      others.push(await MeshNode.listen({ ...options, bind: "127.0.0.1:0" }));
    }
    return others.map(({ nodeId }) => String(nodeId));
  },

  /** What connecting them one after another takes, the first few not counted. */
  async connect_each(address: string, publicKey: string, peer: string, uncounted = 0) {
    const key = Buffer.from(publicKey, "hex");
    let start = instant();
    for (const [index, other] of others.entries()) {
      if (index === uncounted) start = instant();
      await other.connect(address, key, BigInt(peer));
    }
    return instant() - start;
  },

  async connect_all(address: string, publicKey: string, peer: string) {
    const key = Buffer.from(publicKey, "hex");
    const start = instant();
    await Promise.all(others.map((other) => other.connect(address, key, BigInt(peer))));
    return instant() - start;
  },

  usage() {
    globalThis.gc?.();
    const { user, system } = process.cpuUsage();
    const { datagramsReceived, datagramsDropped } = node.stats.counters;
    const [delayP50, delayP99] = [50, 99].map((share) => loopDelay.percentile(share) / 1e6);
    loopDelay.reset();
    return {
      cpu: (user + system) / 1e6,
      rss: process.memoryUsage().rss,
      peers: node.peers.length,
      received: datagramsReceived,
      dropped: datagramsDropped,
      delayP50,
      delayP99,
    };
  },
};

console.log(
  JSON.stringify({
    address: node.address,
    publicKey: Buffer.from(node.publicKey).toString("hex"),
    nodeId: String(node.nodeId),
  }),
);
for await (const line of createInterface({ input: process.stdin })) {
  const { task, args } = JSON.parse(line) as { task: string; args: never[] };
  console.log(JSON.stringify(await tasks[task]?.(...args)));
}
process.exit(0);

/** Nanoseconds, exact to a quarter of a microsecond for the first years of a machine's uptime. */
function instant(): number {
  return Number(process.hrtime.bigint());
}
