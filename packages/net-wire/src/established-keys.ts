/** What a finished handshake leaves behind: everything a `Session` needs. */
export interface EstablishedKeys {
  readonly role: "initiator" | "responder";
  readonly sessionId: bigint;
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
  /** Whether both sides are of our own kind: keys from the full key schedule, rekeyed. */
  readonly strict: boolean;
  /** Features both sides have; 0 in a session with a 0.19.0 peer. */
  readonly features: number;
  /** What the peer takes per stream before its application consumes; 0 for a 0.19.0 peer. */
  readonly peerReceiveWindow: number;
  readonly peerExtensions: ReadonlyMap<number, Uint8Array>;
  /** The initiator's ephemeral public key, which tells a replayed message 1 from a new one. */
  readonly initiatorEphemeral: Uint8Array;
  readonly handshakeHash: Uint8Array;
}
