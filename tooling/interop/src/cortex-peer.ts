import { join } from "node:path";
import { LinePeer } from "@gaiaftcl/peers";
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
  await using peer = new LinePeer(python, [script], { encode, decode });
  return await peer.ask(plan);
}

function encode(value: unknown): string {
  return JSON.stringify(value, (_name, item) =>
    typeof item === "bigint" ? { u64: item.toString() } : item,
  );
}

function decode(text: string): unknown {
  return JSON.parse(text, (_name, value) =>
    typeof value === "object" && value !== null && typeof value.u64 === "string"
      ? BigInt(value.u64)
      : value,
  );
}
