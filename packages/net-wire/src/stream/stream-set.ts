import { LegacyStreamSet } from "./legacy-stream-set.js";
import { StrictStreamSet } from "./strict-stream-set.js";
import type { StreamSet, StreamSetOptions } from "./types.js";

/**
 * The streams of one session: as a 0.19.0 node keeps them (Net transport format, sections 8 and
 * 9), or with acknowledgement, retransmission and consumption credit when `strict`.
 *
 * @throws NetWireError `OPTION` for an option out of range
 */
export function createStreamSet(options: StreamSetOptions): StreamSet {
  return options.strict ? new StrictStreamSet(options) : new LegacyStreamSet(options);
}
