// Where everything is in the module's memory.

// Arguments: the key, the nonce, and a packet of header, payload and tag, with room behind it.
// @ts-ignore: decorator
@inline export const KEY: usize = 1024;
// @ts-ignore: decorator
@inline export const NONCE: usize = 1056;
// @ts-ignore: decorator
@inline export const PACKET: usize = 2048;

// The first blocks of the key stream: the start of block 0 is the one-time key of the tag.
// @ts-ignore: decorator
@inline export const FIRST_BLOCKS: usize = 1088;
// @ts-ignore: decorator
@inline export const TAG: usize = 1344;
// What Poly1305 makes for many blocks at once: limbs, the power of r made of them, and constants.
// @ts-ignore: decorator
@inline export const LIMBS: usize = 1360;
// @ts-ignore: decorator
@inline export const POWER: usize = 1440;
// @ts-ignore: decorator
@inline export const BIAS: usize = 1728;
