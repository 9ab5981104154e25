// Where things stand in the kernel's memory. What is read here, src/event-kernel.ts writes, and the
// other way round; the addresses are the same there.

/** 1 for each character of an id that needs no closer look. */
@inline export const PLAIN: usize = 0x1000;
/** The columns in the order of the event: eight words each, see below. */
@inline export const SLOTS: usize = 0x1100;
/** The address and length of each text that is looked for. */
@inline export const PIECES: usize = 0x2000;
/** The column of each role. */
@inline export const ROLES: usize = 0x2100;
/** What was found in the event: see `EventRecord` in src/event-record.ts, and what is behind it. */
@inline export const FOUND: usize = 0x2200;
/** The bytes of the three hashes that the caller computes. */
@inline export const HASHES: usize = 0x2280;
/** What is hashed for the five facets of the identity, each padded to whole blocks of SHA-256. */
@inline export const MESSAGES: usize = 0x2400;
@inline export const MESSAGE_STEP: usize = 0x300;
/** The number of blocks of each message, then where the witness hash stands, in all of them. */
@inline export const MESSAGE_BLOCKS: usize = 0x3400;
@inline export const HASH_PLACES: usize = 0x3420;
/** For the hashes: the message schedule, and the state. */
@inline export const SCHEDULE: usize = 0x3800;
@inline export const STATE: usize = 0x3c00;
/** The witness, which is no longer than an identity, an id, two hashes and what is between them. */
@inline export const WITNESS: usize = 0xb000;
/** The canonical JSON of the columns that the digest of the row covers; behind it stands the event. */
@inline export const PAYLOAD: usize = 0x10000;

/** The words of a column: the text before its value, its form, whether the digest covers it, its place. */
@inline export const SLOT_STEP: usize = 32;
@inline export const SLOT_LABEL: usize = 0;
@inline export const SLOT_LABEL_LENGTH: usize = 4;
@inline export const SLOT_FORM: usize = 8;
/** From the value back to its name, where the digest covers the column; otherwise 0. */
@inline export const SLOT_OWN: usize = 12;
@inline export const SLOT_START: usize = 16;
@inline export const SLOT_END: usize = 20;

/** What a value may look like. */
@inline export const FORM_TEXT: u32 = 0;
@inline export const FORM_PLAIN: u32 = 1;
@inline export const FORM_INTEGER: u32 = 2;
@inline export const FORM_QUINTET: u32 = 3;

@inline export const HASH_LENGTH: usize = 64;
