import type { StreamSetStats } from "./types.js";

/** The counters while they are counted. */
export type MutableStats = { -readonly [Name in keyof StreamSetStats]: StreamSetStats[Name] };

export function emptyStats(): MutableStats {
  return {
    streams: 0,
    evictedStreams: 0,
    eventsSent: 0,
    batchesDelivered: 0,
    packetsSent: 0,
    packetsReceived: 0,
    bufferedBytes: 0,
    heldBytes: 0,
    ignoredGrants: 0,
    malformedControls: 0,
    duplicatePackets: 0,
    overrunPackets: 0,
    stalePackets: 0,
    violations: 0,
    lostPackets: 0,
    spuriousLosses: 0,
    retransmittedPackets: 0,
    probes: 0,
    smoothedRtt: 0,
    congestionWindow: 0,
    bytesInFlight: 0,
  };
}
