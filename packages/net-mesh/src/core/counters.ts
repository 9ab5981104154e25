/** What happened so far, each a count since the node was made. */
export interface MeshCounters {
  datagramsReceived: number;
  bytesReceived: number;
  datagramsSent: number;
  bytesSent: number;
  /** Datagrams that are no packet, belong to no session, or do not verify; dropped without an answer. */
  datagramsDropped: number;
  handshakesStarted: number;
  handshakesCompleted: number;
  handshakesRefused: number;
  /** Calls to nodes that a session is meant to be had with, after it was lost. */
  callsAgain: number;
  packetsRelayed: number;
  relayDrops: number;
  pingwavesReceived: number;
  pingwavesSent: number;
  heartbeatsSent: number;
  rateLimited: number;
  peersEvicted: number;
  announcementsReceived: number;
  announcementsForwarded: number;
  subscribesReceived: number;
  publishes: number;
}

export function newCounters(): MeshCounters {
  return {
    datagramsReceived: 0,
    bytesReceived: 0,
    datagramsSent: 0,
    bytesSent: 0,
    datagramsDropped: 0,
    handshakesStarted: 0,
    handshakesCompleted: 0,
    handshakesRefused: 0,
    callsAgain: 0,
    packetsRelayed: 0,
    relayDrops: 0,
    pingwavesReceived: 0,
    pingwavesSent: 0,
    heartbeatsSent: 0,
    rateLimited: 0,
    peersEvicted: 0,
    announcementsReceived: 0,
    announcementsForwarded: 0,
    subscribesReceived: 0,
    publishes: 0,
  };
}
