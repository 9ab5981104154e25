export type PeerName = "python" | "natsServer" | "chromium";

export interface PeerPaths {
  readonly python: string;
  readonly natsServer: string;
  readonly chromium: string | undefined;
}

/** Where each peer is, or would be once installed; `chromium` is undefined when there is none. */
export function peerPaths(): PeerPaths;

/** The peers of `names` (default: all) that are missing. Looks at files only. */
export function missingPeers(names?: readonly PeerName[]): PeerName[];

/** Makes sure that the named peers (default: all) are installed, and returns where they are. */
export function ensurePeers(names?: readonly PeerName[]): Promise<PeerPaths>;
