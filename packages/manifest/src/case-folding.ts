/**
 * Simple case folding (Unicode, `CaseFolding.txt`, statuses C and S): one code point becomes one code
 * point, whatever the language. It is derived from the case mappings of the runtime: the lower case
 * of the upper case, as long as both are one code point (so `ſ`, `K` the Kelvin sign and `ς` fold to
 * `s`, `k` and `σ`, and `ß`, which has no upper case of one code point, meets `ẞ`). Where a mapping
 * gives several (`İ`), the code point stays as it is. New letters of a later Unicode fold once the
 * runtime knows them.
 */
export function foldCase(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  let folded = "";
  for (const character of text) folded += foldCharacter(character);
  return folded;
}

const ASCII = /^[\0-\x7f]*$/;

/** What the case mappings do not show: three pairs with one long upper case, and a letter of its own. */
const EXCEPTIONS: ReadonlyMap<string, string> = new Map([
  ["\u0131", "\u0131"],
  ["\u1fd3", "\u0390"],
  ["\u1fe3", "\u03b0"],
  ["\ufb05", "\ufb06"],
]);

function foldCharacter(character: string): string {
  const exception = EXCEPTIONS.get(character);
  if (exception !== undefined) return exception;
  const upper = character.toUpperCase();
  const lower = (isOne(upper) ? upper : character).toLowerCase();
  return isOne(lower) ? lower : character;
}

function isOne(text: string): boolean {
  return text.length === 1 || (text.length === 2 && text.codePointAt(0) !== text.charCodeAt(0));
}

/**
 * What two paths share when a file system that ignores case or normalisation would take them for one:
 * the text after normalisation form C and simple case folding, normalised again, since folding can
 * leave a letter and its accent apart.
 */
export function collisionKey(path: string): string {
  if (ASCII.test(path)) return path.toLowerCase();
  return foldCase(path.normalize("NFC")).normalize("NFC");
}
