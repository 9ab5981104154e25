import { NetIdentityError } from "./net-identity-error.js";

/** The bits of a token's scope (Net identity format, section 2.2). */
export const SCOPE = {
  publish: 0x01,
  subscribe: 0x02,
  admin: 0x04,
  delegate: 0x08,
  /** Every channel, not the one the token names. */
  wildcard: 0x10,
} as const;

const WORDS = ["publish", "subscribe", "admin", "delegate"] as const;

/** The scopes that have a word. The wildcard has none: nobody asks for it by accident. */
export type ScopeWord = (typeof WORDS)[number];

/** The bits of some scope words; repeated words do no harm. @throws NetIdentityError `SCOPE` */
export function scopeBits(words: readonly string[]): number {
  return words.reduce((bits, word) => bits | bitOf(word), 0);
}

/** The words for some scope bits, in the order of the bits. Bits without a word are left out. */
export function scopeWords(bits: number): readonly ScopeWord[] {
  return WORDS.filter((word) => (bits & SCOPE[word]) !== 0);
}

/** Whether scope bits contain all bits of an action. The empty action is never contained. */
export function scopeContains(bits: number, action: number): boolean {
  return action >>> 0 !== 0 && (bits & action) >>> 0 === action >>> 0;
}

function bitOf(word: string): number {
  const known = WORDS.find((candidate) => candidate === word);
  if (known !== undefined) return SCOPE[known];
  throw new NetIdentityError(
    "SCOPE",
    `identity: unknown scope "${word}"; expected publish | subscribe | admin | delegate`,
  );
}
