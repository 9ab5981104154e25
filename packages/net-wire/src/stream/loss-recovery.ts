import { Congestion } from "./congestion.js";
import type { Acknowledgement } from "./control-frames.js";
import { RoundTrip } from "./rtt.js";

/** RFC 9002, section 6.1: the starting values; reordering raises them. */
const PACKET_THRESHOLD = 3;
const TIME_THRESHOLD = 9 / 8;
const LARGEST_PACKET_THRESHOLD = 128;
const LARGEST_TIME_THRESHOLD = 2;
/** A link that comes back is noticed within this time, milliseconds. */
const LONGEST_PROBE_TIMEOUT = 3000;
/** Probe timeouts in a row after which losses count as persistent congestion. */
const PERSISTENT_PROBES = 3;
/** Losses remembered, to notice that they were none. */
const REMEMBERED_LOSSES = 64;
/** Above this many packets without an answer, neither probes nor bare acknowledgements are kept. */
const MOST_RECORDED = 16_384;

interface Sent<C> {
  readonly counter: number;
  /** Counts recorded packets, without the gaps that rekeying leaves between counters. */
  readonly ordinal: number;
  readonly at: number;
  readonly size: number;
  readonly content: C | undefined;
  done: boolean;
}

export interface RecoveryListener<C> {
  acknowledged(content: C): void;
  lost(content: C): void;
}

/** Which packets arrived and which did not: RFC 9002 over the packet counters of a session. */
export class LossRecovery<C> {
  readonly congestion: Congestion;
  readonly roundTrip: RoundTrip;
  lostPackets = 0;
  spuriousLosses = 0;
  /** Packets to be sent whatever the window says. */
  probes = 0;
  probesSent = 0;

  readonly #listener: RecoveryListener<C>;
  #sent: (Sent<C> | undefined)[] = [];
  #head = 0;
  #ordinals = 0;
  #highestCounter = -1;
  #highestAcknowledged = -1;
  #eliciting = 0;
  #lastElicitingAt = 0;
  #timeouts = 0;
  #lossTime = Number.POSITIVE_INFINITY;
  #packetThreshold = PACKET_THRESHOLD;
  #timeThreshold = TIME_THRESHOLD;
  #losses: Sent<C>[] = [];

  constructor(listener: RecoveryListener<C>, initialRtt: number, maxWindow: number) {
    this.#listener = listener;
    this.congestion = new Congestion(maxWindow);
    this.roundTrip = new RoundTrip(initialRtt);
  }

  /** `content` undefined: the packet only acknowledges, and asks for no acknowledgement. */
  sent(counter: number, size: number, content: C | undefined, now: number): void {
    this.#highestCounter = Math.max(this.#highestCounter, counter);
    if (content === undefined) {
      // Of use for the round-trip time only, and never acknowledged on its own.
      if (this.#eliciting === 0 || this.#recorded >= MOST_RECORDED) return;
    } else {
      this.#eliciting += 1;
      this.#lastElicitingAt = now;
      this.congestion.sent(size);
    }
    this.#sent.push({ counter, ordinal: this.#ordinals++, at: now, size, content, done: false });
  }

  /** Returns false for an acknowledgement of packets that were never sent. */
  acknowledge(ack: Acknowledgement, now: number): boolean {
    const highest = ack.ranges[0];
    if (highest === undefined || highest.last > this.#highestCounter) return false;
    if (this.#losses.length > 0) this.#noticeSpurious(ack);
    let progress = false;
    let newest: Sent<C> | undefined;
    for (const { first, last } of ack.ranges) {
      let index = this.#find(last);
      for (; index >= this.#head; index--) {
        const packet = this.#sent[index] as Sent<C>;
        if (packet.counter < first) break;
        if (packet.done) continue;
        if (packet.content !== undefined) progress = true;
        if (packet.counter === highest.last) newest = packet;
        this.#highestAcknowledged = Math.max(this.#highestAcknowledged, packet.ordinal);
        packet.done = true;
        if (packet.content !== undefined) {
          this.#eliciting -= 1;
          this.congestion.acknowledged(packet.size, packet.at);
          this.#listener.acknowledged(packet.content);
        }
      }
      if (index < this.#head) break;
    }
    if (!progress) return true;
    if (newest !== undefined) {
      this.roundTrip.sample(Math.max(0, now - newest.at), ack.delay);
    }
    this.#detectLosses(now);
    this.#timeouts = 0;
    this.probes = 0;
    return true;
  }

  /** Runs what is due: losses by time, and the probe timeout. */
  tick(now: number): void {
    if (now >= this.#lossTime) {
      this.#detectLosses(now);
      // What is lost is sent again now; the probe timeout counts from there.
      this.#lastElicitingAt = now;
    } else if (this.#lossTime === Number.POSITIVE_INFINITY && now >= this.#probeTime()) {
      this.#timeouts += 1;
      this.#lastElicitingAt = now;
      // A peer that keeps the session alive and acknowledges nothing shall not fill our memory.
      if (this.#recorded < MOST_RECORDED) this.probes = this.#timeouts === 1 ? 1 : 2;
    }
  }

  deadline(): number {
    return this.#lossTime < Number.POSITIVE_INFINITY ? this.#lossTime : this.#probeTime();
  }

  /** What the oldest packets carry that nobody has acknowledged. */
  *unacknowledged(): Generator<C> {
    for (let index = this.#head; index < this.#sent.length; index++) {
      const packet = this.#sent[index] as Sent<C>;
      if (!packet.done && packet.content !== undefined) yield packet.content;
    }
  }

  get #recorded(): number {
    return this.#sent.length - this.#head;
  }

  #probeTime(): number {
    if (this.#eliciting === 0) return Number.POSITIVE_INFINITY;
    const timeout = this.roundTrip.probeTimeout * 2 ** Math.min(this.#timeouts, 16);
    return this.#lastElicitingAt + Math.min(timeout, LONGEST_PROBE_TIMEOUT);
  }

  #detectLosses(now: number): void {
    this.#lossTime = Number.POSITIVE_INFINITY;
    const delay = this.roundTrip.lossDelay(this.#timeThreshold);
    for (let index = this.#head; index < this.#sent.length; index++) {
      const packet = this.#sent[index] as Sent<C>;
      if (packet.ordinal >= this.#highestAcknowledged) break;
      if (packet.done) continue;
      const old = packet.at + delay <= now;
      if (!old && this.#highestAcknowledged - packet.ordinal < this.#packetThreshold) {
        // Everything behind it is younger still.
        this.#lossTime = packet.at + delay;
        break;
      }
      this.#lose(packet, now);
    }
    this.#trim();
  }

  #lose(packet: Sent<C>, now: number): void {
    packet.done = true;
    if (packet.content === undefined) return;
    this.#eliciting -= 1;
    this.lostPackets += 1;
    this.#losses.push(packet);
    if (this.#losses.length > REMEMBERED_LOSSES) this.#losses.shift();
    this.congestion.lost(packet.size, packet.at, now, this.#timeouts >= PERSISTENT_PROBES);
    this.#listener.lost(packet.content);
  }

  /** A late acknowledgement of something declared lost: the link reorders more than we allowed. */
  #noticeSpurious(ack: Acknowledgement): void {
    this.#losses = this.#losses.filter((packet) => {
      const { counter, content } = packet;
      if (!ack.ranges.some(({ first, last }) => first <= counter && counter <= last)) return true;
      this.spuriousLosses += 1;
      this.#packetThreshold = Math.min(this.#packetThreshold + 1, LARGEST_PACKET_THRESHOLD);
      this.#timeThreshold = Math.min(this.#timeThreshold + 1 / 16, LARGEST_TIME_THRESHOLD);
      if (content !== undefined) this.#listener.acknowledged(content);
      return false;
    });
  }

  #trim(): void {
    while (
      this.#head < this.#sent.length &&
      (this.#eliciting === 0 || this.#sent[this.#head]?.done)
    ) {
      this.#sent[this.#head++] = undefined;
    }
    if (this.#head === this.#sent.length) {
      this.#sent.length = 0;
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#sent.length) {
      this.#sent = this.#sent.slice(this.#head);
      this.#head = 0;
    }
  }

  /** The index of the last recorded packet at or below `counter`. */
  #find(counter: number): number {
    let low = this.#head;
    let high = this.#sent.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sent[middle] as Sent<C>).counter <= counter) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
