import type { Session } from "./session.js";
import type { Matches } from "./subject-tree.js";
import type { Subscription } from "./subscription.js";

/** A subscription that a subject reaches, with the bytes its messages begin with. */
export interface Delivery {
  readonly subscription: Subscription<Session>;
  /** `MSG <subject> <sid> `; HMSG is this with an H before it. */
  readonly prefix: string;
}

/** Where the messages of one subject go. */
export interface Route {
  readonly plain: readonly Delivery[];
  /** One delivery of each group gets the message. */
  readonly queues: readonly (readonly Delivery[])[];
}

/** Bounds the memory of both generations: about this many deliveries, long subjects counting more. */
const GENERATION_WEIGHT = 32_768;

/**
 * Routes of the subjects published to most recently. Two generations: when the young one is full it
 * becomes the old one, and what is still in use moves back. Forgetting so costs nothing for each
 * message, also when every reply goes to a subject of its own.
 */
export class RouteCache {
  #young = new Map<string, Route>();
  #old = new Map<string, Route>();
  #weight = 0;

  get(subject: string): Route | undefined {
    const young = this.#young.get(subject);
    if (young !== undefined) return young;
    const old = this.#old.get(subject);
    if (old !== undefined) this.set(subject, old);
    return old;
  }

  set(subject: string, route: Route): void {
    const weight = weightOf(subject, route);
    if (weight > GENERATION_WEIGHT) return;
    if (this.#weight + weight > GENERATION_WEIGHT) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#weight = 0;
    }
    this.#young.set(subject, route);
    this.#weight += weight;
  }

  /** Forgets the routes that a subscription of `pattern` may have changed. */
  invalidate(pattern: string): void {
    // A published subject can itself hold the characters of a wildcard, hence the plain search.
    if (pattern.includes("*") || pattern.includes(">")) {
      this.#young.clear();
      this.#old.clear();
      this.#weight = 0;
    } else {
      this.#young.delete(pattern);
      this.#old.delete(pattern);
    }
  }
}

/** The route of `subject` from the subscriptions that match it. */
export function routeOf(subject: string, matches: Matches<Subscription<Session>>): Route {
  const delivery = (subscription: Subscription<Session>): Delivery => ({
    subscription,
    prefix: `MSG ${subject} ${subscription.sid} `,
  });
  return {
    plain: matches.plain.map(delivery),
    queues: matches.queues.map((members) => members.map(delivery)),
  };
}

function weightOf(subject: string, route: Route): number {
  let deliveries = route.plain.length;
  for (const members of route.queues) deliveries += members.length;
  return (1 + deliveries) * (1 + (subject.length >> 6));
}
