import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { ensurePeers } from "../../bootstrap/peers.mjs";

const script = join(import.meta.dirname, "..", "python", "cortex_peer.py");

type Row = Readonly<Record<string, unknown>>;
export type Call = readonly [op: string, ...args: (bigint | string | readonly string[])[]];

interface PerModel<T> {
  readonly tasks: T;
  readonly memories: T;
}

export interface PeerPlan {
  readonly origin: bigint;
  readonly directory?: string;
  /** Hexadecimal. */
  readonly bundle?: string;
  readonly tasks?: readonly Call[];
  readonly memories?: readonly Call[];
  readonly queries: PerModel<readonly Row[]>;
}

export interface PeerReport {
  readonly seqs: PerModel<readonly bigint[]>;
  readonly found: PerModel<readonly (readonly Row[])[]>;
  readonly bundle: string;
}

/** Runs a plan on the reference's NetDb, in a process of its own. */
export async function runCortexPeer(plan: PeerPlan): Promise<PeerReport> {
  const { python } = await ensurePeers(["python"]);
  const child = spawn(python, [script], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(
    JSON.stringify(plan, (_name, value) =>
      typeof value === "bigint" ? { u64: value.toString() } : value,
    ),
  );
  const [output, errors] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    child.exitCode ?? once(child, "close"),
  ]);
  if (child.exitCode !== 0)
    throw new Error(`the reference ended with ${child.exitCode}: ${errors}`);
  return JSON.parse(output, (_name, value) =>
    typeof value === "object" && value !== null && typeof value.u64 === "string"
      ? BigInt(value.u64)
      : value,
  );
}
