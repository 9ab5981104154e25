import { isWirePattern, isWireSubject } from "@gaiaftcl/nats-subject";
import { BEFORE_CONNECT, type ConnectOptions, readConnect } from "./connect-options.js";
import type { Exchange } from "./exchange.js";
import { Outbox } from "./outbox.js";
import {
  AUTHENTICATION_TIMEOUT,
  AUTHORIZATION_VIOLATION,
  type ProtocolFault,
  SLOW_CONSUMER,
  STALE_CONNECTION,
} from "./protocol-fault.js";
import { type ProtocolHandler, ProtocolParser } from "./protocol-parser.js";
import type { Publication } from "./publication.js";
import type { Subscription } from "./subscription.js";

/** How a session reaches its client; called only from `Router.flush` and `Router.tick`. */
export interface Transport {
  /** Write what the outbox holds, unless a write is under way; afterwards end, if asked to. */
  flush(): void;
  /** Drop the connection now, whatever is still to be written. */
  destroy(): void;
}

/** `ending`: the last bytes are on their way; `closed`: nothing is read or written any more. */
export type SessionState = "open" | "ending" | "closed";

/** How long the last bytes, usually an `-ERR`, may take before the connection is dropped. */
const LINGER_MS = 1_000;

/** One client as the broker sees it, without I/O: bytes in through `receive`, out through the outbox. */
export class Session implements ProtocolHandler {
  readonly id: number;
  readonly transport: Transport;
  readonly outbox: Outbox;
  readonly subscriptions: Map<string, Subscription<Session>> = new Map();
  options: ConnectOptions = BEFORE_CONNECT;
  /** The consumer this publisher is ahead of; reading should rest until that one has caught up. */
  stalledBy: Session | undefined;
  /** Whether the router has noted that there is something to flush. */
  dirty = false;
  readonly #router: Exchange<Session>;
  readonly #parser: ProtocolParser;
  #state: SessionState = "open";
  #introduced = false;
  #mayStall = true;
  #relief: (() => void)[] = [];
  readonly #openedAt: number;
  #heardAt: number;
  #pingedAt: number;
  #progressAt: number;
  #endingAt = 0;
  #unanswered = 0;

  constructor(id: number, router: Exchange<Session>, transport: Transport) {
    this.id = id;
    this.transport = transport;
    this.#router = router;
    this.outbox = new Outbox(router.output);
    this.#parser = new ProtocolParser(this, router.limits);
    this.#parser.connectRequired = router.tokenRequired;
    this.#openedAt = router.now;
    this.#heardAt = router.now;
    this.#pingedAt = router.now;
    this.#progressAt = router.now;
  }

  get state(): SessionState {
    return this.#state;
  }

  /**
   * Takes in bytes from the client and returns how many it is done with. Fewer than given: the
   * session is stalled, and the rest is to be given again, with `mayStall` false if the consumer
   * has not caught up in the meantime.
   */
  receive(bytes: Buffer, mayStall = true): number {
    this.stalledBy = undefined;
    if (this.#state !== "open") return bytes.length;
    this.#heardAt = this.#router.now;
    this.#mayStall = mayStall;
    const done = this.#parser.push(bytes);
    if (this.#parser.fault !== undefined) this.fail(this.#parser.fault);
    return done;
  }

  /** Sends the text of a fault, if it has one, and ends the connection. */
  fail(fault: ProtocolFault): void {
    if (this.#state !== "open") return;
    this.#warn(fault);
    if (fault.text !== undefined) this.#send(`-ERR '${fault.text}'\r\n`);
    this.end();
  }

  /** Stops reading, and closes once everything queued is written. */
  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#endingAt = this.#router.now;
    this.#release();
    this.#router.touch(this);
  }

  /** Drops a consumer that is too far behind. */
  cut(): void {
    if (this.#state === "closed") return;
    this.#warn(SLOW_CONSUMER);
    this.#router.stats.slowConsumers += 1;
    this.drop();
  }

  /** Drops the connection now, whatever is still to be written. */
  drop(): void {
    this.closed();
    this.transport.destroy();
  }

  /** The connection is gone. */
  closed(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#release();
    this.outbox.close();
    this.#router.closed(this);
  }

  /** Something of the output has been written, or the first of it is about to be. */
  progressed(): void {
    this.#progressAt = this.#router.now;
    if (this.#relief.length > 0 && this.outbox.pendingBytes <= this.#router.stallBytes)
      this.#relieve();
  }

  /** Calls back once when this consumer has caught up, or is gone. */
  whenRelieved(callback: () => void): void {
    this.#relief.push(callback);
  }

  /** Pings and cuts off according to the router's clock. */
  tick(): void {
    const { now, limits } = this.#router;
    if (this.#state === "closed") return;
    if (this.#state === "ending") {
      if (now - this.#endingAt >= LINGER_MS) this.drop();
      return;
    }
    if (this.outbox.pendingBytes > 0 && now - this.#progressAt >= limits.writeDeadlineMs) {
      this.cut();
    } else if (this.#parser.connectRequired && now - this.#openedAt >= limits.authTimeoutMs) {
      this.fail(AUTHENTICATION_TIMEOUT);
    } else if (now - Math.max(this.#heardAt, this.#pingedAt) >= limits.pingIntervalMs) {
      if (this.#unanswered >= limits.pingMax) {
        this.fail(STALE_CONNECTION);
        return;
      }
      this.#unanswered += 1;
      this.#pingedAt = now;
      this.#send("PING\r\n");
    }
  }

  /** Queues a message; says whether this session still takes any. */
  deliver(prefix: string, publication: Publication, publisher: Session): boolean {
    if (this.#state !== "open") return false;
    const { headerSize, frame, tailStart, tailEnd } = publication;
    this.outbox.message(headerSize > 0 ? `H${prefix}` : prefix, frame, tailStart, tailEnd);
    this.#router.touch(this);
    const pending = this.outbox.pendingBytes;
    if (pending > this.#router.stallBytes) {
      if (pending > this.#router.limits.maxPending) this.cut();
      else publisher.#stallFor(this);
    }
    return true;
  }

  /** Queues protocol text that is not a message. */
  notify(text: string): void {
    if (this.#state === "open") this.#send(text);
  }

  connect(json: string): void {
    const read = readConnect(json, this.options);
    if ("fault" in read) {
      this.fail(read.fault);
      return;
    }
    if (!this.#router.admits(read.options.token)) {
      this.fail(AUTHORIZATION_VIOLATION);
      return;
    }
    // A client that introduces itself again begins anew; what it subscribed to before CONNECT stays.
    if (this.#introduced) this.#unsubscribeAll();
    this.#introduced = true;
    this.options = read.options;
    this.#parser.connectRequired = false;
    this.#parser.headersAllowed = read.options.headers;
    this.#ok();
  }

  publish(publication: Publication): void {
    if (this.options.pedantic && !isWireSubject(publication.subject)) {
      this.#send("-ERR 'Invalid Publish Subject'\r\n");
    }
    this.#ok();
    const delivered = this.#router.publish(this, publication);
    if (!delivered && publication.reply !== "" && this.options.noResponders) {
      this.#router.answerNoResponders(this, publication);
    }
  }

  subscribe(subject: string, queue: string, sid: string): void {
    const { limits } = this.#router;
    if (this.subscriptions.size >= limits.maxSubscriptions) {
      this.#send("-ERR 'maximum subscriptions exceeded'\r\n");
      return;
    }
    if (hasMoreTokens(subject, limits.maxSubscriptionTokens)) {
      const text = `Permissions Violation for Subscription to "${subject}", too many tokens`;
      this.#send(`-ERR '${text}'\r\n`);
      return;
    }
    // The first subscription of an id stays: nats-server ignores the second without a word.
    if (!this.subscriptions.has(sid)) {
      if (!isWirePattern(subject)) {
        this.#send("-ERR 'Invalid Subject'\r\n");
        return;
      }
      this.#router.subscribe(this, subject, queue, sid);
    }
    this.#ok();
  }

  unsubscribe(sid: string, max: number): void {
    this.#ok();
    const subscription = this.subscriptions.get(sid);
    if (subscription === undefined) return;
    subscription.max = max;
    if (subscription.delivered >= max) this.#router.unsubscribe(subscription);
  }

  ping(): void {
    this.#send("PONG\r\n");
  }

  pong(): void {
    this.#unanswered = 0;
  }

  #ok(): void {
    if (this.options.verbose) this.#send("+OK\r\n");
  }

  #send(text: string): void {
    this.outbox.text(text);
    this.#router.touch(this);
    if (this.outbox.pendingBytes > this.#router.limits.maxPending) this.cut();
    this.#router.boundMemory();
  }

  #stallFor(consumer: Session): void {
    if (!this.#mayStall) return;
    this.stalledBy = consumer;
    this.#parser.pause();
  }

  #warn(fault: ProtocolFault): void {
    this.#router.logger?.warn({ client: this.id, name: this.options.name }, fault.reason);
  }

  #release(): void {
    this.#parser.stop();
    this.#unsubscribeAll();
    this.#relieve();
  }

  #unsubscribeAll(): void {
    for (const subscription of this.subscriptions.values()) this.#router.unsubscribe(subscription);
  }

  #relieve(): void {
    const callbacks = this.#relief;
    this.#relief = [];
    for (const callback of callbacks) callback();
  }
}

function hasMoreTokens(subject: string, most: number): boolean {
  let tokens = 1;
  for (let dot = subject.indexOf("."); dot !== -1; dot = subject.indexOf(".", dot + 1)) tokens += 1;
  return tokens > most;
}
