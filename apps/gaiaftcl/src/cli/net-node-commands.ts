import { once } from "node:events";
import { readCapabilities } from "@gaiaftcl/net-capability";
import {
  ControlServer,
  createNodeKeys,
  ensureNoneRuns,
  formatNodeId,
  loadNodeKeys,
  type NodeKeys,
  nodeTicket,
  parseNodeId,
  parseTicket,
} from "@gaiaftcl/net-control";
import { MeshNode } from "@gaiaftcl/net-mesh";
import type { Command } from "commander";
import { append } from "./argument-parsers.js";
import { CommandError } from "./command-error.js";
import { readArgumentFile, readDictionary } from "./net-argument-files.js";
import { netKeysDirectory, netSocketPath } from "./net-home.js";
import { reportPeerEvent, reportPortMapping } from "./net-node-report.js";
import type { RunCommand } from "./run-command.js";
import type { Session } from "./session.js";

interface UpOptions {
  readonly bind: string;
  readonly join: readonly string[];
  readonly accept: readonly string[];
  readonly announce?: string;
  readonly requireStrict: boolean;
  readonly portMapping: boolean;
}

/** `net keygen` and `net up`: make a node's keys, and run it. */
export function addNetNodeCommands(net: Command, run: RunCommand): void {
  net
    .command("keygen")
    .description("make the keys of this home's node: its identity, and the key of its mesh")
    .option(
      "--psk-file <path>",
      "take the mesh's key (64 hexadecimal digits) from a file, to join that mesh",
    )
    .action(run(keygen));
  net
    .command("up")
    .description("run this home's node until Ctrl-C")
    .option("--bind <address>", "the UDP address to listen at", "0.0.0.0:0")
    .option(
      "--join <ticket>",
      "join the node that gave out this ticket, and again whenever it is lost; may be repeated",
      append,
      [],
    )
    .option(
      "--accept <node>",
      "let this node of Net 0.19.0 connect, which says who it is to nobody it was not announced to; may be repeated",
      append,
      [],
    )
    .option("--announce <file>", "announce the capability dictionary in this JSON file")
    .option(
      "--require-strict",
      "have sessions only with nodes that keep strict ones, not with Net 0.19.0",
      false,
    )
    .option(
      "--port-mapping",
      "have the gateway forward a port to this node, by NAT-PMP or UPnP; net nat tells what became of it",
      false,
    )
    .action(run(up));
}

async function keygen(session: Session, options: { readonly pskFile?: string }): Promise<void> {
  const { pskFile } = options;
  const directory = netKeysDirectory(session);
  const keys = await createNodeKeys(
    directory,
    pskFile === undefined ? undefined : await readPsk(pskFile),
  );
  const { nodeId, entityId } = keys.identity;
  session.output.result(
    {
      kind: "net-keys",
      derived: {
        node_id: formatNodeId(nodeId),
        entity_id: Buffer.from(entityId).toString("hex"),
        directory,
      },
    },
    () => [
      `node ${formatNodeId(nodeId)}`,
      `  entity ${Buffer.from(entityId).toString("hex")}`,
      `  keys   ${directory} (give ${directory}/psk, and nothing else, to nodes that may join)`,
    ],
  );
}

async function readPsk(path: string): Promise<Uint8Array> {
  const text = (await readArgumentFile(path)).toString("utf8").trim();
  if (!/^[0-9a-fA-F]{64}$/.test(text)) {
    throw new CommandError(
      "USAGE",
      `${path} should hold 64 hexadecimal digits, the key of a mesh`,
      "net keygen --help",
    );
  }
  return new Uint8Array(Buffer.from(text, "hex"));
}

async function up(session: Session, options: UpOptions): Promise<void> {
  const tickets = options.join.map(parseTicket);
  const awaited = options.accept.map(parseNodeId);
  const keys = await loadNodeKeys(netKeysDirectory(session));
  await ensureNoneRuns(netSocketPath(session));
  await using node = await listen(session, keys, options);
  const own = tickets.find(({ nodeId }) => nodeId === node.nodeId);
  if (own !== undefined) {
    throw new CommandError(
      "USAGE",
      "this node cannot join itself: --join takes the ticket of another",
      "net up --help",
    );
  }
  await using _control = await ControlServer.listen({ socketPath: netSocketPath(session), node });
  const ticket = nodeTicket(node);
  session.output.result(
    {
      kind: "net-node",
      derived: {
        node_id: formatNodeId(node.nodeId),
        address: node.address,
        ticket,
        socket: netSocketPath(session),
      },
    },
    () => [
      `node ${formatNodeId(node.nodeId)} listens at ${node.address}`,
      `  others join with   gaiaftcl net join ${ticket}`,
      `  drive it with      ${session.command("net nodes")}`,
    ],
  );
  node.onPeerEvent((event) => {
    reportPeerEvent(session, event);
  });
  for (const nodeId of awaited) keepAccepting(session, node, nodeId);
  for (const { address, publicKey, nodeId } of tickets) {
    node.keepConnected(address, publicKey, nodeId);
  }
  if (!session.signal.aborted) await once(session.signal, "abort");
}

/** Lets a node connect, and again whenever its session has ended. */
function keepAccepting(session: Session, node: MeshNode, nodeId: bigint): void {
  const accept = (): void => {
    node.accept(nodeId, { signal: session.signal }).catch(() => undefined);
  };
  node.onPeerEvent((event) => {
    if (event.type === "disconnected" && event.peer === nodeId) accept();
  });
  accept();
}

async function listen(session: Session, keys: NodeKeys, options: UpOptions): Promise<MeshNode> {
  const { identity, secretKey, psk } = keys;
  const { announce, bind, requireStrict, portMapping } = options;
  return MeshNode.listen({
    bind,
    psk,
    identity,
    secretKey,
    ...(requireStrict ? { tuning: { requireStrict } } : {}),
    ...(announce === undefined
      ? {}
      : { capabilities: readCapabilities(await readDictionary(announce)) }),
    ...(portMapping
      ? {
          tryPortMapping: {
            changed: (view) => {
              reportPortMapping(session, view);
            },
          },
        }
      : {}),
  });
}
