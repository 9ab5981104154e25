/** What a step of the walk found not to hold. */
class WalkError extends Error {
  override readonly name = "WalkError";
  readonly code = "DOES_NOT_HOLD";
}

/** @throws WalkError unless the statement holds */
export function ensure(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new WalkError(otherwise);
}
