const LONGEST = 400;

/** A payload for a terminal, which what anybody may have sent must not steer. */
export function printable(payload: Buffer): string {
  const text = payload.toString("utf8", 0, LONGEST).replace(/\p{Cc}/gu, "\ufffd");
  return payload.length > LONGEST ? `${text}… (${payload.length} bytes)` : text;
}
