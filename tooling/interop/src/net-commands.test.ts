import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freeUdpPort, LinePeer, until } from "@gaiaftcl/peers";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, it } from "vitest";
import { type CommandResult, commandLineMain, records, runCommand } from "./cell-process.ts";
import { MeshPeer, PSK } from "./net-mesh-peer.ts";

const schema = JSON.parse(
  await readFile(
    join(import.meta.dirname, "../../../apps/gaiaftcl/schema/output.schema.json"),
    "utf8",
  ),
);
const isRecord = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false }).compile(
  schema,
);

type Derived = Readonly<Record<string, unknown>>;

/** A home with a mesh node that the command line runs and drives. */
class NodeHome implements AsyncDisposable {
  readonly home: string;
  #running: LinePeer | undefined;

  private constructor(home: string) {
    this.home = home;
  }

  static async make(): Promise<NodeHome> {
    const home = new NodeHome(await mkdtemp(join(tmpdir(), "gaiaftcl-net-")));
    const psk = join(home.home, "mesh.psk");
    await writeFile(psk, PSK);
    expect((await home.net(["keygen", "--psk-file", psk])).code).toBe(0);
    return home;
  }

  net(args: readonly string[]): Promise<CommandResult> {
    return runCommand(process.execPath, [commandLineMain, "--home", this.home, "net", ...args]);
  }

  /** What the records of `--json` output say, each of the published schema. */
  async json(args: readonly string[]): Promise<Derived[]> {
    const { stdout, stderr, code } = await runCommand(process.execPath, [
      commandLineMain,
      "--json",
      "--home",
      this.home,
      "net",
      ...args,
    ]);
    expect(code, stderr + stdout).toBe(0);
    return records(stdout).map((record) => {
      expect(isRecord(record), JSON.stringify([record, isRecord.errors])).toBe(true);
      return record["derived"] as Derived;
    });
  }

  /** Starts `net up` and gives the record it prints. */
  async up(...args: readonly string[]): Promise<Derived> {
    this.#running = this.run(["up", "--bind", "127.0.0.1:0", ...args]);
    return await this.#running.next();
  }

  /** Waits until `net up` tells that a node is in this state. */
  async untilPeer(state: string): Promise<Derived> {
    for (;;) {
      const told = await this.#running?.next<Derived>();
      if (told === undefined) throw new Error("net up does not run");
      if (told["state"] === state) return told;
    }
  }

  /** Sends a signal to `net up`. */
  signal(signal: NodeJS.Signals): void {
    this.#running?.program.signal(signal);
  }

  /** Starts a command that goes on until it is ended, and says records. */
  run(args: readonly string[]): LinePeer {
    const whole = [commandLineMain, "--json", "--home", this.home, "net", ...args];
    return new LinePeer(process.execPath, whole, {
      encode: String,
      decode: (line) => {
        const record = JSON.parse(line);
        expect(isRecord(record), line).toBe(true);
        return record.derived;
      },
    });
  }

  /** Ends `net up` as Ctrl-C does and gives its exit code. */
  async down(): Promise<number | null> {
    const child = this.#running;
    this.#running = undefined;
    return child === undefined ? null : (await child.program.end("SIGINT")).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
    await rm(this.home, { recursive: true, force: true });
  }
}

it("two nodes of the command line and one of Python are one mesh", async () => {
  await using left = await NodeHome.make();
  await using right = await NodeHome.make();
  await using python = await MeshPeer.start();
  const here = await left.up("--accept", String(python.nodeId));
  const there = await right.up("--join", String(here["ticket"]));
  const [, key = ""] = /\/([0-9a-f]{64})$/.exec(String(here["ticket"])) ?? [];
  await python.call("connect", [here["address"], key, BigInt(String(here["node_id"]))]);
  await python.call("start");
  const peers = await until("both to be peers", async () => {
    const [self, ...others] = await left.json(["nodes"]);
    expect(self).toMatchObject({ self: true, node_id: here["node_id"] });
    return others.filter(({ kind }) => kind === "peer").length === 2 ? others : undefined;
  });
  expect(peers.map(({ strict }) => strict).toSorted()).toEqual([false, true]);

  const pings = await right.json(["ping", String(here["node_id"]), "--count", "2"]);
  expect(pings).toHaveLength(2);
  expect(pings[0]).toMatchObject({ node_id: here["node_id"], seen_at: there["address"] });

  // A channel of the left node, with the right one and Python in it.
  await left.json(["publish", "news/today", "nobody yet"]);
  await using reader = right.run([
    "subscribe",
    "news/today",
    "--from",
    String(here["node_id"]),
    "--count",
    "1",
  ]);
  await python.call("subscribe_channel", [BigInt(String(here["node_id"])), "news/today"]);
  await until("both to have subscribed", async () => {
    const [report] = await left.json(["publish", "news/today", '{"hello":"all"}']);
    return report?.["delivered"] === 2;
  });
  const event = await reader.next<Derived>();
  expect(Buffer.from(String(event["payload_base64"]), "base64").toString()).toBe('{"hello":"all"}');
  expect((await reader.program.exited).code).toBe(0);
  await until("Python to hear", async () => (await python.texts()).includes('{"hello":"all"}'));

  await left.json(["announce", "--tag", "role:left"]);
  await python.call("announce_capabilities", [
    { tags: ["role:python"], hardware: { memory_gb: 64 } },
  ]);
  const found = await until("the right node to hear of Python through the left one", async () => {
    const nodes = await right.json(["find", "--min-memory", "32"]);
    return nodes.length > 0 ? nodes : undefined;
  });
  expect(found[0]?.["tags"]).toContain("role:python");
  expect(await right.json(["find", "--tag", "role:left"])).toMatchObject([
    { node_id: here["node_id"] },
  ]);
  expect(await left.json(["nat"])).toMatchObject([
    { nat_type: "open", reflex_address: here["address"] },
  ]);
  expect(await left.down()).toBe(0);
  expect((await left.net(["nodes"])).stderr).toContain("next: gaiaftcl net up");
});

it("commands say what is missing, and what to type next", async () => {
  await using home = await NodeHome.make();
  const again = await home.net(["keygen"]);
  expect([again.code, again.stderr]).toEqual([
    2,
    expect.stringContaining("holds the keys of a node already"),
  ]);
  for (const args of [
    ["nodes"],
    ["ping", "0x1"],
    ["publish", "a", "b"],
    ["subscribe", "a", "--from", "1"],
    ["announce"],
    ["find"],
    ["nat"],
    ["leave", "0x1"],
    ["join", "net://x"],
  ]) {
    const { code, stderr } = await home.net(args);
    expect([code, stderr], args.join(" ")).toEqual([
      1,
      expect.stringMatching(/no node runs here: .+\n {2}next: gaiaftcl net up/s),
    ]);
  }
  expect((await home.net(["up", "--bind", "nowhere"])).stderr).toContain(
    "invalid socket address syntax",
  );
  expect((await home.net(["subscribe", "a"])).code).toBe(64);
  for (const args of [
    ["up", "--join", "net://x"],
    ["up", "--accept", "nobody"],
    ["up", "--announce", "/nowhere/at-all.json"],
    ["keygen", "--psk-file", "/nowhere/at-all"],
  ]) {
    expect((await home.net(args)).code, args.join(" ")).toBe(64);
  }
});

it("a node that is to be joined is called until it is there, and again after it was killed", async () => {
  await using left = await NodeHome.make();
  await using right = await NodeHome.make();
  const bind = `127.0.0.1:${await freeUdpPort()}`;
  const { ticket, node_id: id } = await left.up("--bind", bind);
  await left.down();
  await right.up("--join", String(ticket));
  expect(await right.untilPeer("unreachable")).toMatchObject({
    node_id: id,
    reason: "handshake timeout",
    failures: 1,
  });
  expect((await right.json(["nodes"])).at(1)).toMatchObject({ node_id: id, kind: "called" });
  await left.up("--bind", bind);
  expect(await right.untilPeer("connected")).toMatchObject({ node_id: id, address: bind });

  left.signal("SIGKILL");
  expect((await left.net(["nodes"])).stderr).toContain("no node runs here");
  expect(await left.up("--bind", bind)).toMatchObject({ ticket });
  expect(await right.untilPeer("connected")).toMatchObject({ node_id: id });
  await right.json(["ping", String(id), "--count", "1"]);
  expect(await right.json(["nodes"])).toMatchObject([
    {},
    { node_id: id, kind: "peer", health: "healthy", kept: true, nat_type: "unknown" },
  ]);
  expect(await right.json(["leave", String(id)])).toEqual([{ node_id: id, left: true }]);
  expect(await right.untilPeer("disconnected")).toMatchObject({ reason: "closed" });
  expect((await right.json(["nodes"])).filter(({ kind }) => kind === "peer")).toEqual([]);
});

it("commands end by Ctrl-C, and neither they nor a second node hang on one that is stopped", async () => {
  await using left = await NodeHome.make();
  await using right = await NodeHome.make();
  const { node_id: id } = await left.up("--port-mapping");
  await right.up();
  expect((await left.net(["up"])).stderr).toContain("a node runs here already");
  const [nat] = await left.json(["nat"]);
  expect(nat?.["port_mapping"]).toMatchObject({
    state: expect.stringMatching(/^(searching|unavailable|mapped)$/u),
  });
  const ticket = `net://0x1@127.0.0.1:9/${"1".repeat(64)}`;
  await using joining = right.run(["join", ticket]);
  // Once the other command has been answered, this one has begun to wait.
  await right.json(["nodes"]);
  await right.json(["nodes"]);
  const { code, signal } = await joining.program.end("SIGINT");
  expect([signal, code]).toEqual([null, expect.any(Number)]);

  left.signal("SIGSTOP");
  try {
    const asked = await left.net(["nodes"]);
    expect([asked.code, asked.stderr]).toEqual([
      1,
      expect.stringContaining("its process may be stopped"),
    ]);
    expect((await left.net(["up"])).stderr).toContain("a node runs here already");
  } finally {
    left.signal("SIGCONT");
  }
  expect((await left.json(["nodes"]))[0]).toMatchObject({ node_id: id });
  expect(await left.down()).toBe(0);
});
