const FIRST_SURROGATE = 0xd800;
const AFTER_SURROGATES = 0xe000;

/**
 * Orders two well-formed strings by their UTF-8 bytes, which is the order of their code points.
 *
 * JavaScript's own order compares UTF-16 units and puts U+1F600 (two surrogates, D83D DE00) before
 * U+FFEE, so it differs exactly where a surrogate meets a unit from U+E000 on.
 */
export function compareUtf8(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let index = 0; index < shorter; index += 1) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return codePointRank(left) - codePointRank(right);
  }
  return a.length - b.length;
}

/** Moves surrogates, which stand for code points from U+10000 on, above every other unit. */
function codePointRank(unit: number): number {
  return unit >= FIRST_SURROGATE && unit < AFTER_SURROGATES ? unit + 0x10000 : unit;
}
