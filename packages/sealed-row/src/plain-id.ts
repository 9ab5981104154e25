/** Ids without anything that would need a closer look; others go through `verifyRow`. */
const PLAIN_ID = /^[A-Za-z0-9_.:/@+ -]{1,255}$/;

export function isPlainId(id: string): boolean {
  return PLAIN_ID.test(id);
}
