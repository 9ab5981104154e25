/** Cell format, section 1: what nests deeper is refused. A scalar has depth 0, `[]` has depth 1. */
export const MAX_ENCODE_DEPTH = 64;

/**
 * How many arrays and objects are written at most. A value that shares its parts can stand for far
 * more of them than there is time for (thirty arrays, each of which holds the next one twice, for a
 * thousand million), so they are counted as they are reached.
 */
export const MAX_CONTAINERS: number = 2 ** 23;
