import { SubjectFilter } from "./subject-filter.js";
import { resolveOptions, type SubscribeOptions } from "./subscribe-options.js";
import { Subscription } from "./subscription.js";

/**
 * Subscribes to sealed subjects and any others (cell format, section 7). Subjects under
 * `gaiaftcl.substrate.` come from the substrate's broker, all else from Franklin's, and a pattern
 * that takes in both from both. It waits for the first connection and reconnects for ever.
 *
 * @param subjects a subject or several, with the wildcards `*` and a trailing `>`
 * @throws NatsSubscribeError `SUBJECT_INVALID`, `QUEUE_INVALID`, `OPTION_INVALID`
 */
export function subscribe(
  subjects: string | readonly string[],
  options: SubscribeOptions = {},
): Subscription {
  return new Subscription(new SubjectFilter(subjects), resolveOptions(options));
}
