export type PeerName = "python" | "natsServer" | "redisServer" | "chromium";

export interface PeerPaths {
  readonly python: string;
  readonly natsServer: string;
  readonly redisServer: string | undefined;
  readonly chromium: string | undefined;
}

/** Where each peer is, or would be once installed; undefined for one that is found and is not there. */
export function peerPaths(): PeerPaths;

/** The peers of `names` (default: all) that are missing. Looks at files only. */
export function missingPeers(names?: readonly PeerName[]): PeerName[];

/** Makes sure that the named peers (default: all) are installed, and returns where they are. */
export function ensurePeers(names?: readonly PeerName[]): Promise<PeerPaths>;
