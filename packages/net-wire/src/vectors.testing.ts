import { readFileSync } from "node:fs";
import type { EstablishedKeys } from "./established-keys.js";

/** A vector's fields as the file gives them: hex for bytes, decimal text for 64-bit integers. */
export type Vector = Readonly<Record<string, string>> & { readonly name: string };

const file: { readonly groups: Readonly<Record<string, readonly unknown[]>> } = JSON.parse(
  readFileSync(new URL("../vectors/net-transport.json", import.meta.url), "utf8"),
);

/** One group of the captured and computed vectors. */
export function vectors<T = Vector>(group: string): readonly T[] {
  const found = file.groups[group];
  if (found === undefined || found.length === 0) throw new Error(`no vectors called ${group}`);
  return found as readonly T[];
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

/** Established keys in which only what a test names is set. */
export function establishedFrom(some: Partial<EstablishedKeys>): EstablishedKeys {
  return {
    role: "initiator",
    sessionId: 0n,
    sendKey: new Uint8Array(32),
    receiveKey: new Uint8Array(32),
    strict: false,
    features: 0,
    peerReceiveWindow: 0,
    peerExtensions: new Map(),
    initiatorEphemeral: new Uint8Array(32),
    handshakeHash: new Uint8Array(32),
    ...some,
  };
}
