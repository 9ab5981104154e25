import type { SubscribeRequest } from "@gaiaftcl/net-channel";

/**
 * How often a subscription with a 0.19.0 node is asked for again, in milliseconds. That node forgets
 * its subscribers when it takes them for failed, for which it is enough that it does not hear them
 * while they hear it, and tells nobody. Asking again for what one has changes nothing there.
 */
const REFRESH_MS = 60_000;
/** After a refusal: a publisher that started again may not have its channel yet, or not our token. */
const RETRY_FIRST_MS = 5000;
const RETRY_LONGEST_MS = 300_000;

interface Standing {
  readonly request: SubscribeRequest;
  refusals: number;
  dueAt: number;
}

/** Subscriptions that were granted once, and when each is to be asked for again. */
export class StandingSubscriptions {
  readonly #byPublisher = new Map<bigint, Map<string, Standing>>();
  #earliest = Number.POSITIVE_INFINITY;

  get size(): number {
    let size = 0;
    for (const standing of this.#byPublisher.values()) {
      size += standing.size;
    }
    return size;
  }

  /** When `due` gives something. */
  deadline(): number {
    return this.#earliest;
  }

  /**
   * A subscription was granted.
   *
   * @param fades whether the publisher may forget it without a word, as one of 0.19.0 does
   */
  granted(request: SubscribeRequest, fades: boolean, now: number): void {
    const dueAt = fades ? now + REFRESH_MS : Number.POSITIVE_INFINITY;
    const standing = this.#byPublisher.get(request.publisher) ?? new Map();
    this.#byPublisher.set(request.publisher, standing);
    standing.set(request.channel, { request, refusals: 0, dueAt });
    this.#earliest = Math.min(this.#earliest, dueAt);
  }

  /** It was refused or not answered, although it had been granted before. */
  refused({ publisher, channel }: SubscribeRequest, now: number): void {
    const standing = this.#byPublisher.get(publisher)?.get(channel);
    if (standing !== undefined) {
      const wait = Math.min(RETRY_FIRST_MS * 2 ** standing.refusals, RETRY_LONGEST_MS);
      standing.refusals += 1;
      standing.dueAt = now + wait;
      this.#earliest = Math.min(this.#earliest, standing.dueAt);
    }
  }

  /** Nobody wants it any more. */
  delete(publisher: bigint, channel: string): void {
    const standing = this.#byPublisher.get(publisher);
    standing?.delete(channel);
    if (standing?.size === 0) {
      this.#byPublisher.delete(publisher);
    }
  }

  has({ publisher, channel }: SubscribeRequest): boolean {
    return this.#byPublisher.get(publisher)?.has(channel) === true;
  }

  /** A publisher came again, perhaps without memory: everything with it is due. */
  renew(publisher: bigint, now: number): void {
    for (const standing of this.#byPublisher.get(publisher)?.values() ?? []) {
      standing.refusals = 0;
      standing.dueAt = now;
      this.#earliest = Math.min(this.#earliest, now);
    }
  }

  /** What to ask for now; each is due again only after it was granted, refused or renewed. */
  due(now: number): SubscribeRequest[] {
    if (now < this.#earliest) {
      return [];
    }
    const due: SubscribeRequest[] = [];
    this.#earliest = Number.POSITIVE_INFINITY;
    for (const standing of this.#byPublisher.values()) {
      for (const each of standing.values()) {
        if (each.dueAt <= now) {
          each.dueAt = Number.POSITIVE_INFINITY;
          due.push(each.request);
        }
        this.#earliest = Math.min(this.#earliest, each.dueAt);
      }
    }
    return due;
  }
}
