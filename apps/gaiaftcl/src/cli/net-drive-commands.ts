import { ControlClient, type NodeEntry, parseNodeId } from "@gaiaftcl/net-control";
import { type Command, Option } from "commander";
import { append, wholeNumber } from "./argument-parsers.js";
import { readArgumentFile, readDictionary } from "./net-argument-files.js";
import { netSocketPath } from "./net-home.js";
import { portMappingText } from "./net-node-report.js";
import { printable } from "./printable.js";
import type { RunCommand } from "./run-command.js";
import type { Session } from "./session.js";

/** The commands that drive a running node. */
export function addNetDriveCommands(net: Command, run: RunCommand): void {
  net
    .command("join <ticket>")
    .description("join the node that gave out this ticket, and again whenever it is lost")
    .action(run(join));
  net
    .command("leave <node>")
    .description("end the session with a node, and call it no more")
    .action(run(leave));
  net.command("nodes").description("this node, its peers, and nodes heard of").action(run(nodes));
  net
    .command("ping <node>")
    .description("the time to a peer and back")
    .option("--count <pings>", "how many", wholeNumber, 4)
    .action(run(ping));
  net
    .command("publish <channel> <text>")
    .description("publish one event to those who subscribed to a channel of this node")
    .option("--reliable", "on a reliable stream", false)
    .action(run(publish));
  net
    .command("subscribe <channel>")
    .description("events of a peer's channel as they come, until Ctrl-C")
    .requiredOption("--from <node>", "the publisher")
    .option("--token <file>", "present the permission token in this file (169 bytes)")
    .option("--count <events>", "end after so many events", wholeNumber)
    .action(run(subscribe));
  net
    .command("announce")
    .description("announce what this node can do")
    .option("--tag <tag>", "a tag; may be repeated", append, [])
    .option("--file <path>", "a capability dictionary in a JSON file")
    .action(run(announce));
  net
    .command("find")
    .description("nodes by what they announced")
    .option("--tag <tag>", "that have this tag; may be repeated", append, [])
    .option("--gpu", "that have a GPU", false)
    .option("--min-memory <GB>", "that have so much memory", wholeNumber)
    .option("--model <id>", "that have one of these models; may be repeated", append, [])
    .option("--tool <id>", "that have one of these tools; may be repeated", append, [])
    .addOption(
      new Option("--scope <scope>", "within this scope").choices([
        "any",
        "global_only",
        "same_subnet",
      ]),
    )
    .action(run(find));
  net
    .command("nat")
    .description("how this node looks from outside, asked of two peers")
    .action(run(nat));
}

function connect(session: Session): Promise<ControlClient> {
  return ControlClient.connect(netSocketPath(session), session);
}

async function join(session: Session, ticket: string): Promise<void> {
  await using client = await connect(session);
  reportNode(session, await client.join(ticket, session));
}

async function leave(session: Session, node: string): Promise<void> {
  await using client = await connect(session);
  const { left } = await client.leave(parseNodeId(node), session);
  session.output.result({ kind: "net-left", derived: { node_id: node, left } }, () =>
    left ? `left ${node}` : `there was no session with ${node}`,
  );
}

async function nodes(session: Session): Promise<void> {
  await using client = await connect(session);
  const status = await client.status(session);
  session.output.result({ kind: "net-node", derived: { self: true, ...snakeCase(status) } }, () => [
    `${status.nodeId}  this node  ${status.address}  NAT ${status.natType}`,
    `  ${status.ticket}`,
  ]);
  for (const entry of await client.nodes(session)) reportNode(session, entry);
}

async function ping(
  session: Session,
  node: string,
  options: { readonly count: number },
): Promise<void> {
  await using client = await connect(session);
  for (let index = 0; index < options.count; index += 1) {
    const { rttMs, reflexAddress } = await client.ping(parseNodeId(node), session);
    session.output.result(
      {
        kind: "net-ping",
        derived: { node_id: node, rtt_us: Math.round(rttMs * 1_000), seen_at: reflexAddress },
      },
      () => `${node}  ${rttMs.toFixed(2)} ms  sees this node at ${reflexAddress}`,
    );
  }
}

async function publish(
  session: Session,
  channel: string,
  text: string,
  options: { readonly reliable: boolean },
): Promise<void> {
  await using client = await connect(session);
  const { attempted, delivered, errors } = await client.publish(channel, Buffer.from(text), {
    ...options,
    signal: session.signal,
  });
  session.output.result(
    {
      kind: "net-publish",
      derived: {
        channel,
        attempted,
        delivered,
        errors: errors.map(({ nodeId, message }) => ({ node_id: nodeId, message })),
      },
    },
    () => [
      `sent to ${delivered} of ${attempted} ${attempted === 1 ? "subscriber" : "subscribers"} of ${channel}`,
      ...errors.map(({ nodeId, message }) => `  ${nodeId}: ${message}`),
    ],
  );
}

async function subscribe(
  session: Session,
  channel: string,
  options: { readonly from: string; readonly token?: string; readonly count?: number },
): Promise<void> {
  const { from, token, count = Number.POSITIVE_INFINITY } = options;
  const { signal } = session;
  await using client = await connect(session);
  const events = client.subscribe(parseNodeId(from), channel, {
    signal,
    ...(token === undefined ? {} : { token: await readArgumentFile(token) }),
  });
  let seen = 0;
  try {
    for await (const event of events) {
      const payload = Buffer.from(event);
      session.output.result(
        {
          kind: "net-event",
          derived: { channel, from, payload_base64: payload.toString("base64") },
        },
        () => printable(payload),
      );
      seen += 1;
      if (seen >= count) return;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function announce(
  session: Session,
  options: { readonly tag: readonly string[]; readonly file?: string },
): Promise<void> {
  const { tag, file } = options;
  const dictionary = file === undefined ? {} : await readDictionary(file);
  const before = Array.isArray(dictionary["tags"]) ? dictionary["tags"] : [];
  const capabilities = { ...dictionary, tags: [...before, ...tag] };
  await using client = await connect(session);
  await client.announce(capabilities, session);
  session.output.result(
    { kind: "net-announcement", derived: { announced: true } },
    () => "announced; kept fresh until the next announcement",
  );
}

interface FindOptions {
  readonly tag: readonly string[];
  readonly gpu: boolean;
  readonly minMemory?: number;
  readonly model: readonly string[];
  readonly tool: readonly string[];
  readonly scope?: string;
}

async function find(session: Session, options: FindOptions): Promise<void> {
  const { tag, gpu, minMemory, model, tool, scope } = options;
  const filter = {
    ...(tag.length === 0 ? {} : { require_tags: tag }),
    ...(gpu ? { require_gpu: true } : {}),
    ...(minMemory === undefined ? {} : { min_memory_gb: minMemory }),
    ...(model.length === 0 ? {} : { require_models: model }),
    ...(tool.length === 0 ? {} : { require_tools: tool }),
  };
  await using client = await connect(session);
  const found = await client.find(filter, {
    signal: session.signal,
    ...(scope === undefined ? {} : { scope: { kind: scope } }),
  });
  for (const { nodeId, tags } of found) {
    session.output.result({ kind: "net-found", derived: { node_id: nodeId, tags } }, () => [
      nodeId,
      ...tags.map((text) => `  ${printable(Buffer.from(text))}`),
    ]);
  }
  if (found.length === 0) session.output.remark("no node announced that");
}

async function nat(session: Session): Promise<void> {
  await using client = await connect(session);
  const { natType, reflexAddress, portMapping } = await client.nat(session);
  session.output.result(
    {
      kind: "net-nat",
      derived: {
        nat_type: natType,
        reflex_address: reflexAddress,
        port_mapping: portMapping === null ? null : snakeCase(portMapping),
      },
    },
    () => [
      `NAT ${natType}${reflexAddress === null ? "" : `, seen from outside at ${reflexAddress}`}`,
      ...(reflexAddress === null ? ["  two peers have to be joined to find out"] : []),
      ...(portMapping === null ? [] : [`  ${portMappingText(portMapping)}`]),
    ],
  );
}

function reportNode(session: Session, entry: NodeEntry): void {
  session.output.result({ kind: "net-node", derived: snakeCase(entry) }, () => nodeLine(entry));
}

function nodeLine(entry: NodeEntry): string {
  const { nodeId, kind, address, health, strict, relayed, natType, hops } = entry;
  const nat = natType === "unknown" ? [] : [`NAT ${natType}`];
  switch (kind) {
    case "peer":
      return [
        nodeId,
        "peer",
        relayed === true ? `relayed by ${address}` : address,
        health,
        strict === true ? "strict" : "as Net 0.19.0",
        ...nat,
      ].join("  ");
    case "called":
      return [nodeId, "called", "no session yet, or no longer", ...nat].join("  ");
    case "heard-of":
      return [
        nodeId,
        "heard of",
        hops === null ? "no way there now" : `${hops} hops away`,
        health,
        ...nat,
      ].join("  ");
  }
}

function snakeCase(record: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}
