import { Buffer } from "node:buffer";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { LinePeer } from "@gaiaftcl/peers";
import type { RedexFile } from "@gaiaftcl/redex";
import { ensurePeers } from "../../bootstrap/peers.mjs";

/** An event as both sides tell it. */
export type PeerEvent = readonly [seq: string, payload: string, checksum: number, inline: boolean];

export interface PeerAnswer {
  readonly events: readonly PeerEvent[];
  readonly length: number;
  readonly appended: readonly string[];
}

/** A process of the wheel `net-mesh==0.19.0` that opens logs and appends to them. */
export class RedexPeer implements AsyncDisposable {
  readonly #peer: LinePeer;

  private constructor(python: string) {
    const script = join(import.meta.dirname, "..", "python", "redex_peer.py");
    this.#peer = new LinePeer(python, [script]);
  }

  static async start(): Promise<RedexPeer> {
    return new RedexPeer((await ensurePeers(["python"])).python);
  }

  /** Opens a log, reads all of it, appends, and closes it. */
  open(
    directory: string,
    name: string,
    more: { readonly append?: readonly string[]; readonly batch?: readonly string[] } = {},
  ): Promise<PeerAnswer> {
    return this.#peer.ask({ op: "open", directory, name, ...more });
  }

  /** Opens a log, appends, and leaves it open. */
  hold(directory: string, name: string, append: readonly string[]): Promise<PeerAnswer> {
    return this.#peer.ask({ op: "hold", directory, name, append });
  }

  async kill(): Promise<void> {
    await this.#peer.program.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer[Symbol.asyncDispose]();
  }
}

/** Everything in a log of ours, as the peer tells it. */
export function eventsOf(file: RedexFile): PeerEvent[] {
  return file
    .readRange(0, 2n ** 64n - 1n)
    .map(({ seq, payload, checksum, inline }) => [`${seq}`, hex(payload), checksum, inline]);
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Every file below a directory in hex, by its path. */
export function filesBelow(root: string, prefix = ""): Record<string, string> {
  const files: Record<string, string> = {};
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    const path = join(root, entry.name);
    if (entry.isDirectory()) Object.assign(files, filesBelow(path, `${prefix}${entry.name}/`));
    else files[prefix + entry.name] = readFileSync(path).toString("hex");
  }
  return files;
}
