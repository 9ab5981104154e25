import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";

/**
 * What a long piece of synchronous work yields: `undefined` where others may have a turn, or the
 * milliseconds it has to wait for something. The same work then runs inside a resolve hook, which
 * must be synchronous, and everywhere else without holding up the event loop.
 */
export type Pause = number | undefined;

const SLICE_MS = 8;

/** Runs work to its end, giving others a turn every few milliseconds. */
export async function runPausing<Result>(
  work: Generator<Pause, Result>,
  signal?: AbortSignal,
): Promise<Result> {
  try {
    let sliceEnd = performance.now() + SLICE_MS;
    for (;;) {
      signal?.throwIfAborted();
      const step = work.next();
      if (step.done === true) return step.value;
      if (step.value !== undefined) await sleep(step.value);
      else if (performance.now() < sliceEnd) continue;
      else await nextTurn();
      sliceEnd = performance.now() + SLICE_MS;
    }
  } finally {
    // Closes what the work holds open when it did not come to its end.
    work.return(undefined as never);
  }
}

/** Runs work to its end at once, and sleeps with the whole thread where it has to wait. */
export function runBlocking<Result>(work: Generator<Pause, Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (step.value !== undefined)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, step.value);
  }
}
