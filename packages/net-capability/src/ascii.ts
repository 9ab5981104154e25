/** Lower case for A to Z only: `toLowerCase` would also turn U+212A, the kelvin sign, into a k. */
export function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
