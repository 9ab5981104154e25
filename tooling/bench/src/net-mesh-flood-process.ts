// Floods a node with hostile datagrams over UDP, and is one of its peers, so that it has seen its packets:
// one JSON request a line, one JSON answer a line. Arguments: the pre-shared key (hex).
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import { type Captured, type Core, coreAt, hostileKinds } from "./net-mesh-hostile.ts";
import type { Introduction } from "./net-mesh-nodes.ts";

const psk = new Uint8Array(Buffer.from(process.argv[2] ?? "", "hex"));
const VARIANTS = 256;
/** Datagrams between two looks at the clock. */
const BURST = 32;

let sink: (() => Promise<{ received: number; cpu: number }>) | undefined;
let peer: { readonly core: Core["core"]; readonly captured: Captured; readonly me: Introduction };

const tasks: Record<string, (...args: never[]) => Promise<unknown>> = {
  async join(me: Introduction) {
    const socket = await connected(me.address);
    const own = socket.address();
    let last = new Uint8Array(0);
    const { core } = coreAt(`${own.address}:${own.port}`, psk, (datagram) => {
      last = datagram.slice();
      socket.send(last);
    });
    socket.on("message", (datagram) => core.receive(datagram, me.address, performance.now()));
    setInterval(() => core.tick(performance.now()), 5).unref();
    const [nodeId, publicKey] = [BigInt(me.nodeId), Buffer.from(me.publicKey, "hex")];
    const path = { kind: "address", address: me.address } as const;
    const joined = new Promise<{ readonly ok: boolean }>((resolve) => {
      core.connect({ nodeId, publicKey, path }, performance.now(), resolve);
    });
    if (!(await joined).ok) throw new Error("no session");
    const handle = core.openStream(nodeId, 1n, performance.now(), { reliability: "reliable" });
    const packet = async (size: number): Promise<Uint8Array> => {
      core.send(nodeId, handle, [new Uint8Array(size)], performance.now());
      core.tick(performance.now());
      const sent = last;
      await delay(200);
      return sent;
    };
    const [small, large] = [await packet(64), await packet(8000)];
    peer = { core, me, captured: { small, large, nodeId, publicKey } };
    return null;
  },

  /** Receives for a moment by a socket that does nothing else, and is flooded by another process. */
  async listen() {
    const socket = createSocket("udp4");
    let received = 0;
    socket.on("message", () => {
      received += 1;
    });
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    const { user, system } = process.cpuUsage();
    sink = async () => {
      const used = process.cpuUsage({ user, system });
      await closed(socket);
      return { received, cpu: (used.user + used.system) / 1e6 };
    };
    return `127.0.0.1:${socket.address().port}`;
  },

  async listened() {
    return sink?.();
  },

  /** Sends for so many seconds, from so many sources, so many a second or as many as it can. */
  async flood(
    kind: string,
    seconds: number,
    sources: number,
    perSecond: number | null,
    to = peer.me.address,
  ) {
    const { captured } = peer;
    const make = hostileKinds[kind];
    if (make === undefined) throw new Error(`no kind ${kind}`);
    const datagrams = Array.from({ length: VARIANTS }, () => make(captured));
    const sockets = await Promise.all(Array.from({ length: sources }, () => connected(to)));
    const start = performance.now();
    let sent = 0;
    for (let passed = 0; passed < seconds * 1000; passed = performance.now() - start) {
      const due = perSecond === null ? sent + BURST : (perSecond * passed) / 1000;
      for (const end = Math.min(due, sent + BURST); sent < end; sent += 1) {
        sockets[sent % sources]?.send(datagrams[sent % VARIANTS] as Uint8Array);
      }
      if (perSecond !== null && sent >= due) await delay(1);
      else await turn();
    }
    const took = (performance.now() - start) / 1000;
    await Promise.all(sockets.map(closed));
    return { sent, seconds: took };
  },
};

async function connected(address: string): Promise<Socket> {
  const [host, port] = address.split(":") as [string, string];
  const socket = createSocket("udp4").on("error", () => undefined);
  socket.connect(Number(port), host);
  await once(socket, "connect");
  return socket;
}

async function closed(socket: Socket): Promise<void> {
  socket.close();
  await once(socket, "close");
}

console.log("null");
for await (const line of createInterface({ input: process.stdin })) {
  const { task, args } = JSON.parse(line) as { task: string; args: never[] };
  console.log(JSON.stringify(await tasks[task]?.(...args)));
}
process.exit(0);
