/** One event of a log. */
export interface RedexEvent {
  readonly seq: bigint;
  /** A copy of its own: changing it changes nothing in the log. */
  readonly payload: Uint8Array;
  /** The low 28 bits of XXH3-64 of the payload. */
  readonly checksum: number;
  /** Whether the payload lies in the index record itself (log format, section 2.1). */
  readonly inline: boolean;
}

/**
 * What `visit` calls for each event. `payload` is valid during the call only; it must not be
 * changed. Returning `false` ends the visit.
 */
export type EventVisitor = (seq: bigint, payload: Uint8Array) => unknown;
