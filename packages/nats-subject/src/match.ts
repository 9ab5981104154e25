/**
 * Whether a message published to `subject` belongs to a subscription of `pattern`.
 *
 * `*` matches exactly one token, a last `>` one or more; all else compares token by token, so
 * `gaiaftcl.>` matches neither `gaiaftcl` nor `gaiaftclevil.x`. False, never an exception, when the
 * pattern is malformed or the subject has an empty or a wildcard token. Characters are not
 * validated here: that is what `isPattern` and `isSubject` are for.
 */
export function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".");
  const found = subject.split(".");
  for (const token of found) {
    if (token === "" || token === "*" || token === ">") return false;
  }
  return covers(wanted, found);
}

/** Whether every subject that `inner` matches is matched by `outer` too; false if either is malformed. */
export function isSubset(inner: string, outer: string): boolean {
  const found = inner.split(".");
  return isWellFormed(found) && covers(outer.split("."), found);
}

/** Whether some subject is matched by both patterns; false if either is malformed. */
export function collides(a: string, b: string): boolean {
  const left = a.split(".");
  const right = b.split(".");
  if (!isWellFormed(left) || !isWellFormed(right)) return false;
  const shorter = Math.min(left.length, right.length);
  for (let index = 0; index < shorter; index += 1) {
    const l = left[index];
    const r = right[index];
    // A `>` needs one token or more, and the other pattern still has at least one here.
    if (l === ">" || r === ">") return true;
    if (l !== r && l !== "*" && r !== "*") return false;
  }
  return left.length === right.length;
}

/** Whether a well-formed pattern has no wildcard token, and so matches one subject: itself. */
export function isLiteral(pattern: string): boolean {
  return pattern.split(".").every((token) => token !== "*" && token !== ">");
}

/** Token-wise cover: the rule of matching, in which a wildcard of `found` needs one as wide in `wanted`. */
function covers(wanted: readonly string[], found: readonly string[]): boolean {
  const last = wanted.length - 1;
  for (let index = 0; index <= last; index += 1) {
    const want = wanted[index];
    if (want === "" || index >= found.length) return false;
    const have = found[index];
    if (want === ">") return index === last;
    if (have === ">") return false;
    if (want !== "*" && want !== have) return false;
  }
  return wanted.length === found.length;
}

function isWellFormed(tokens: readonly string[]): boolean {
  const last = tokens.length - 1;
  return tokens.every((token, index) => token !== "" && (token !== ">" || index === last));
}
