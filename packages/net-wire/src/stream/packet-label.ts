/**
 * Header fields that travel with a packet and mean nothing to the stream layer. Events that carry
 * different labels never share a packet; pass the same object again to let them share one.
 */
export interface PacketLabel {
  /** Net transport format, section 12. 0 = event data. */
  readonly subprotocolId?: number;
  /** Low 16 bits of the channel hash. */
  readonly channelHint?: number;
  readonly originHash?: number;
  readonly subnetId?: number;
}
