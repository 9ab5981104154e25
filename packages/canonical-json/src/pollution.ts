/**
 * Whether a program extended the prototypes of plain objects or arrays in a way that shows in them:
 * a `toJSON`, which the built-in encoder would call, or a property that enumeration comes across.
 * The short ways are for programs that did not.
 */
export function isPolluted(): boolean {
  if ("toJSON" in Array.prototype || "toJSON" in Object.prototype) return true;
  for (const _ in Array.prototype) return true;
  for (const _ in Object.prototype) return true;
  return false;
}
