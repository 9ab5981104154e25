/** One step of a walk: what it shows, and how. It returns what there is to say about the result. */
export interface WalkStep {
  readonly name: string;
  run(): Promise<string>;
}

export type StepResult = { readonly name: string; readonly milliseconds: number } & (
  | { readonly ok: true; readonly detail: string }
  | { readonly ok: false; readonly error: unknown }
);

/**
 * Takes the steps in order, reports each with its time, and stops at the first that fails.
 *
 * @returns the step that failed, or undefined when all held
 */
export async function walk(
  steps: readonly WalkStep[],
  report: (result: StepResult) => void,
  signal: AbortSignal,
): Promise<StepResult | undefined> {
  for (const { name, run } of steps) {
    if (signal.aborted) return undefined;
    const start = performance.now();
    const result = await run().then(
      (detail): StepResult => ({ name, ok: true, detail, milliseconds: performance.now() - start }),
      (error): StepResult => ({ name, ok: false, error, milliseconds: performance.now() - start }),
    );
    if (!result.ok && signal.aborted) return undefined;
    report(result);
    if (!result.ok) return result;
  }
  return undefined;
}
