import {
  CAUSAL_LINK_BYTES,
  type CausalEvent,
  type CausalProblem,
  causalLinkProblem,
  decodeCausalLink,
  ensurePayload,
  writeCausalLink,
} from "./causal-link.js";
import { NetIdentityError } from "./net-identity-error.js";
import { ensureUint } from "./permission-token.js";

const LENGTH_BYTES = 4;
const U32_MAX = 0xffff_ffff;
const DEFAULT_MAX_EVENTS = 65_536;

/** Whether events follow one another, and if not, which of them breaks the chain and how. */
export type CausalVerdict =
  | { readonly ok: true }
  | ({ readonly ok: false; readonly event: number } & CausalProblem);

/**
 * The bytes of a list of events: each is a u32 of its length, the link's 32 bytes included, the link
 * and the payload (Net identity format, section 13.1).
 *
 * @throws NetIdentityError `ARGUMENT` or `RANGE`
 */
export function encodeCausalEvents(events: readonly CausalEvent[]): Uint8Array {
  let length = 0;
  for (const { payload } of events) {
    if (CAUSAL_LINK_BYTES + ensurePayload(payload).length > U32_MAX) {
      throw new NetIdentityError(
        "RANGE",
        `expected a payload of at most ${U32_MAX - CAUSAL_LINK_BYTES} bytes, found ${payload.length}`,
      );
    }
    length += LENGTH_BYTES + CAUSAL_LINK_BYTES + payload.length;
  }
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { link, payload } of events) {
    view.setUint32(at, CAUSAL_LINK_BYTES + payload.length, true);
    writeCausalLink(bytes, at + LENGTH_BYTES, link);
    bytes.set(payload, at + LENGTH_BYTES + CAUSAL_LINK_BYTES);
    at += LENGTH_BYTES + CAUSAL_LINK_BYTES + payload.length;
  }
  return bytes;
}

/**
 * Reads a list of events; the payloads are copies. Undefined when a length is below 32 or runs past the
 * end, when bytes are left over, and for more than `maxEvents` events, 65,536 when left out: an event
 * of 36 bytes takes a multiple of that in memory. Whether the events follow one another is
 * `verifyCausalEvents`.
 *
 * @throws NetIdentityError `RANGE` when `maxEvents` is no whole number
 */
export function decodeCausalEvents(
  bytes: Uint8Array,
  maxEvents: number = DEFAULT_MAX_EVENTS,
): readonly CausalEvent[] | undefined {
  ensureUint("maxEvents", maxEvents, Number.MAX_SAFE_INTEGER);
  if (!(bytes instanceof Uint8Array)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const events: CausalEvent[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (events.length >= maxEvents || bytes.length - at < LENGTH_BYTES) return undefined;
    const linkAt = at + LENGTH_BYTES;
    const end = linkAt + view.getUint32(at, true);
    const payloadAt = linkAt + CAUSAL_LINK_BYTES;
    if (end < payloadAt || end > bytes.length) return undefined;
    const link = decodeCausalLink(bytes.subarray(linkAt, payloadAt));
    if (link === undefined) return undefined;
    events.push({ link, payload: Uint8Array.from(bytes.subarray(payloadAt, end)) });
    at = end;
  }
  return events;
}

/**
 * Whether events are one unbroken piece of a chain, in order (Net identity format, section 13.1).
 *
 * @param events the events
 * @param after the event, or the genesis with an empty payload, that the first has to follow
 * @throws NetIdentityError `ARGUMENT` or `RANGE` when one that the next is held to is none
 */
export function verifyCausalEvents(
  events: readonly CausalEvent[],
  after: CausalEvent,
): CausalVerdict {
  let previous = after;
  for (const [index, event] of events.entries()) {
    const problem = causalLinkProblem(event.link, previous);
    if (problem !== undefined) return { ok: false, event: index, ...problem };
    previous = event;
  }
  return { ok: true };
}
