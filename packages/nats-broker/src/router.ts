import { createHash, timingSafeEqual } from "node:crypto";
import type { BrokerLogger, Exchange } from "./exchange.js";
import type { BrokerLimits } from "./limits.js";
import { OutputMemory } from "./outbox.js";
import { MAXIMUM_CONNECTIONS } from "./protocol-fault.js";
import { type Publication, withoutHeaders } from "./publication.js";
import { type Delivery, type Route, RouteCache, routeOf } from "./route-cache.js";
import { Session, type Transport } from "./session.js";
import { SubjectTree } from "./subject-tree.js";
import type { Subscription } from "./subscription.js";

/** Counters since the start. Bytes are those of headers and payloads. */
export interface RouterStats {
  totalConnections: number;
  slowConsumers: number;
  inMessages: number;
  inBytes: number;
  outMessages: number;
  outBytes: number;
}

/** The broker without I/O: sessions, their subscriptions, and the way of a message between them. */
export class Router implements Exchange<Session> {
  readonly limits: BrokerLimits;
  readonly logger: BrokerLogger | undefined;
  readonly output: OutputMemory = new OutputMemory();
  readonly sessions: Set<Session> = new Set();
  readonly stats: RouterStats = {
    totalConnections: 0,
    slowConsumers: 0,
    inMessages: 0,
    inBytes: 0,
    outMessages: 0,
    outBytes: 0,
  };
  /** Pending bytes of a consumer from which on its publishers rest for a moment. */
  readonly stallBytes: number;
  /** The time of the last tick, in milliseconds from the start. */
  now = 0;
  readonly #token: Buffer | undefined;
  readonly #random: () => number;
  readonly #tree = new SubjectTree<Subscription<Session>>();
  readonly #cache = new RouteCache();
  #dirty: Session[] = [];
  #subscriptions = 0;

  constructor(
    limits: BrokerLimits,
    options: {
      readonly token?: string | undefined;
      readonly logger?: BrokerLogger | undefined;
      /** A number from 0 up to 1, which picks the member of a queue group. */
      readonly random?: () => number;
    } = {},
  ) {
    this.limits = limits;
    this.logger = options.logger;
    this.stallBytes = Math.floor(limits.maxPending / 2);
    this.#token = options.token === undefined ? undefined : digest(options.token);
    this.#random = options.random ?? Math.random;
  }

  get tokenRequired(): boolean {
    return this.#token !== undefined;
  }

  get subscriptions(): number {
    return this.#subscriptions;
  }

  /** Takes in a client; `info` is the first line it gets, for its number. */
  open(transport: Transport, info: (id: number) => string): Session {
    this.stats.totalConnections += 1;
    const session = new Session(this.stats.totalConnections, this, transport);
    session.notify(info(session.id));
    this.sessions.add(session);
    if (this.sessions.size > this.limits.maxConnections) session.fail(MAXIMUM_CONNECTIONS);
    return session;
  }

  /** Compared as digests, so that the time taken tells nothing about the token. */
  admits(token: string): boolean {
    return this.#token === undefined || timingSafeEqual(digest(token), this.#token);
  }

  subscribe(session: Session, subject: string, queue: string, sid: string): void {
    const subscription = { session, subject, queue, sid, max: 0, delivered: 0, active: true };
    session.subscriptions.set(sid, subscription);
    this.#tree.insert(subject, queue, subscription);
    this.#cache.invalidate(subject);
    this.#subscriptions += 1;
  }

  unsubscribe(subscription: Subscription<Session>): void {
    if (!subscription.active) return;
    const { session, subject, queue, sid } = subscription;
    subscription.active = false;
    session.subscriptions.delete(sid);
    this.#tree.remove(subject, queue, subscription);
    this.#cache.invalidate(subject);
    this.#subscriptions -= 1;
  }

  /** Passes a message to every subscription and one member of each group; false if it reached nobody. */
  publish(publisher: Session, publication: Publication): boolean {
    this.stats.inMessages += 1;
    this.stats.inBytes += publication.size;
    const route = this.#route(publication.subject);
    let delivered = false;
    for (const delivery of route.plain) {
      if (this.#deliver(delivery, publication, publisher)) delivered = true;
    }
    for (const members of route.queues) {
      // From a random one on, the first that takes it.
      const first = Math.floor(this.#random() * members.length);
      for (let offset = 0; offset < members.length; offset += 1) {
        const member = members[(first + offset) % members.length] as Delivery;
        if (!this.#deliver(member, publication, publisher)) continue;
        delivered = true;
        break;
      }
    }
    this.boundMemory();
    return delivered;
  }

  /** Tells a requester that nobody listens, on its own subscription for the reply. */
  answerNoResponders(requester: Session, request: Publication): void {
    for (const { subscription, prefix } of this.#route(request.reply).plain) {
      if (subscription.session !== requester) continue;
      const headers = `NATS/1.0 503\r\nNats-Subject: ${request.subject}\r\n\r\n`;
      requester.notify(`H${prefix}${headers.length} ${headers.length}\r\n${headers}\r\n`);
      return;
    }
  }

  /** Cuts off the client furthest behind while all together have too much pending. */
  boundMemory(): void {
    while (this.output.pendingBytes > this.limits.maxTotalPending) {
      let furthest: Session | undefined;
      for (const session of this.sessions) {
        if (session.outbox.pendingBytes > (furthest?.outbox.pendingBytes ?? 0)) furthest = session;
      }
      // Not to be expected: the account is the sum over the sessions.
      if (furthest === undefined) return;
      furthest.cut();
    }
  }

  /** Notes that a session has output; `flush` will see to it. */
  touch(session: Session): void {
    if (session.dirty) return;
    session.dirty = true;
    this.#dirty.push(session);
  }

  /** Lets every session with output write it: once for all that one chunk of input has caused. */
  flush(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const session of dirty) {
      session.dirty = false;
      session.transport.flush();
    }
  }

  /** Sets the time, and does what is due. */
  tick(now: number): void {
    this.now = now;
    for (const session of this.sessions) session.tick();
    this.flush();
  }

  /** Forgets a session that is closed. */
  closed(session: Session): void {
    this.sessions.delete(session);
  }

  #route(subject: string): Route {
    const cached = this.#cache.get(subject);
    if (cached !== undefined) return cached;
    const route = routeOf(subject, this.#tree.match(subject));
    this.#cache.set(subject, route);
    return route;
  }

  #deliver(delivery: Delivery, publication: Publication, publisher: Session): boolean {
    const { subscription } = delivery;
    const { session } = subscription;
    if (!subscription.active || (session === publisher && !publisher.options.echo)) return false;
    const stripped = publication.headerSize > 0 && !session.options.headers;
    const message = stripped ? withoutHeaders(publication) : publication;
    if (!session.deliver(delivery.prefix, message, publisher)) return false;
    this.stats.outMessages += 1;
    this.stats.outBytes += message.size;
    subscription.delivered += 1;
    if (subscription.delivered === subscription.max) this.unsubscribe(subscription);
    return true;
  }
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
