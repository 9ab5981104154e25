import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Program } from "@gaiaftcl/peers";
import { ensurePeers } from "../../bootstrap/peers.mjs";

/** The settings that both brokers have, by the names of the embedded one. */
export interface BrokerSettings {
  readonly port?: number;
  readonly token?: string;
  readonly maxPayload?: number;
  readonly maxPending?: number;
  readonly maxConnections?: number;
  readonly maxSubscriptions?: number;
  readonly maxSubscriptionTokens?: number;
  readonly pingIntervalMs?: number;
  readonly pingMax?: number;
  readonly authTimeoutMs?: number;
}

export interface RunningBroker extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Ends the process without giving it a chance to say goodbye. */
  kill(): Promise<void>;
}

export type StartBroker = (settings?: BrokerSettings) => Promise<RunningBroker>;

/** The two brokers that every case runs against, each as a process of its own. */
export const brokers: Readonly<Record<"embedded" | "nats-server", StartBroker>> = {
  embedded: startEmbedded,
  "nats-server": startServer,
};

async function startEmbedded(settings: BrokerSettings = {}): Promise<RunningBroker> {
  const main = join(import.meta.dirname, "nats-embedded-main.ts");
  return await running(process.execPath, [main, JSON.stringify(settings)]);
}

async function startServer(settings: BrokerSettings = {}): Promise<RunningBroker> {
  const { natsServer } = await ensurePeers(["natsServer"]);
  const directory = await mkdtemp(join(tmpdir(), "gaiaftcl-nats-"));
  try {
    const file = join(directory, "nats.conf");
    await writeFile(file, configuration(settings));
    return await running(natsServer, ["--config", file]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function configuration(settings: BrokerSettings): string {
  const lines: [string, string | number | undefined][] = [
    ["host", "127.0.0.1"],
    // 0 would be nats-server's default port; -1 takes a free one.
    ["port", settings.port ?? -1],
    ["max_payload", settings.maxPayload],
    ["max_pending", settings.maxPending],
    ["max_connections", settings.maxConnections],
    ["max_subscriptions", settings.maxSubscriptions],
    ["max_subscription_tokens", settings.maxSubscriptionTokens],
    ["ping_interval", milliseconds(settings.pingIntervalMs)],
    ["ping_max", settings.pingMax],
  ];
  if (settings.token !== undefined) {
    const timeout = (settings.authTimeoutMs ?? 2_000) / 1_000;
    lines.push(["authorization", `{ token: "${settings.token}", timeout: ${timeout} }`]);
  }
  return lines
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join("");
}

function milliseconds(value: number | undefined): string | undefined {
  return value === undefined ? undefined : `"${value}ms"`;
}

/** Resolves once the process has said where it listens. */
async function running(command: string, args: readonly string[]): Promise<RunningBroker> {
  const program = new Program(command, args);
  const port = await program.ready("to listen", () => {
    const said = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(program.log);
    return said === null ? undefined : Number(said[1]);
  });
  const kill = async (): Promise<void> => {
    await program.end();
  };
  return { port, url: `nats://127.0.0.1:${port}`, kill, [Symbol.asyncDispose]: kill };
}
