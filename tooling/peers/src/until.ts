import { setTimeout as delay } from "node:timers/promises";

type NotYet = undefined | false;

const PAUSE_MS = 10;

/**
 * Looks until there is something or something is true, and gives it. The limit is generous: the machine may be slow and
 * do other things.
 *
 * @throws Error when its patience is at an end, naming `what` was waited for
 */
export async function until<Found>(
  what: string,
  look: () => Found | NotYet | Promise<Found | NotYet>,
  patienceMs = 60_000,
): Promise<Found> {
  const end = performance.now() + patienceMs;
  while (performance.now() < end) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await delay(PAUSE_MS);
  }
  throw new Error(`waited ${patienceMs} ms in vain for ${what}`);
}
