const LOW_32_BITS = 0xffff_ffffn;

/** What a routing header carries of its source. */
export function low32(nodeId: bigint): number {
  return Number(nodeId & LOW_32_BITS);
}

/** How messages name a node: `0x` and hexadecimal digits without padding. */
export function nodeIdText(nodeId: bigint): string {
  return `0x${nodeId.toString(16)}`;
}
