declare module "*/peers.mjs" {
  export interface PeerPaths {
    readonly python: string;
    readonly natsServer: string;
    readonly chromium: string | undefined;
  }
  export function ensurePeers(names?: readonly string[]): Promise<PeerPaths>;
}
