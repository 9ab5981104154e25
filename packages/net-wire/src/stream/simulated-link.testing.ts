import type { EventBatch } from "./event-batch.js";
import type { Random } from "./random.testing.js";
import { createStreamSet } from "./stream-set.js";
import type {
  IncomingPacket,
  OutgoingPacket,
  StreamObserver,
  StreamSet,
  StreamSetOptions,
} from "./types.js";

export interface LinkConditions {
  readonly loss: number;
  readonly duplication: number;
  /** Milliseconds: every packet takes `delay` plus up to `jitter`, which reorders. */
  readonly delay: number;
  readonly jitter: number;
  /** Nothing passes between these times. */
  readonly blackout?: readonly [number, number];
  /** Both ends wake up only at multiples of this many milliseconds. */
  readonly tick?: number;
  /** Packet counters skip this often, as when a session moves to its next key. */
  readonly skips?: number;
}

interface Happening {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** What is to happen, the earliest first: a binary heap. */
class Agenda {
  readonly #heap: Happening[] = [];
  #orders = 0;

  get nextTime(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  add(at: number, run: () => void): void {
    const heap = this.#heap;
    const entry = { at, order: this.#orders++, run };
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(entry, heap[parent] as Happening)) break;
      heap[index] = heap[parent] as Happening;
      index = parent;
    }
    heap[index] = entry;
  }

  take(): Happening {
    const heap = this.#heap;
    const first = heap[0] as Happening;
    const last = heap.pop() as Happening;
    if (heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && before(right, heap[child] as Happening)) child += 1;
      if (!before(heap[child] as Happening, last)) break;
      heap[index] = heap[child] as Happening;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function before(x: Happening, y: Happening): boolean {
  return x.at < y.at || (x.at === y.at && x.order < y.order);
}

/** One end: a stream set, what it delivered, and the part of a session that matters here. */
export class Endpoint {
  readonly set: StreamSet;
  readonly batches: EventBatch[] = [];
  readonly finished: bigint[] = [];
  readonly writable: bigint[] = [];
  readonly violations: string[] = [];
  readonly #counters = new Set<number>();
  counter = 0;
  replays = 0;
  sentPackets = 0;
  onBatch: (batch: EventBatch) => void = () => {};

  constructor(options: Omit<StreamSetOptions, "observer">) {
    const observer: StreamObserver = {
      deliver: (batch) => {
        this.batches.push(batch);
        this.onBatch(batch);
      },
      finished: (id) => this.finished.push(id),
      writable: (id) => this.writable.push(id),
      violated: (id, reason) => this.violations.push(`${id}: ${reason}`),
    };
    this.set = createStreamSet({ ...options, observer });
  }

  /** As a session does: a counter is taken once. */
  receive(packet: IncomingPacket, now: number): void {
    if (this.#counters.has(Number(packet.counter))) {
      this.replays += 1;
      return;
    }
    this.#counters.add(Number(packet.counter));
    this.set.receive(packet, now);
  }
}

/** What a session makes of a packet: a copy with a counter. */
function seal(packet: OutgoingPacket, counter: number): IncomingPacket {
  return {
    flags: packet.flags,
    fragFlags: packet.fragFlags,
    subprotocolId: packet.subprotocolId,
    channelHint: packet.channelHint,
    counter,
    streamId: packet.streamId,
    sequence: packet.sequence,
    subnetId: packet.subnetId,
    originHash: packet.originHash,
    fragmentId: packet.fragmentId,
    fragmentOffset: packet.fragmentOffset,
    eventCount: packet.eventCount,
    payload: packet.payload.slice(),
  };
}

/** Takes everything that `endpoint` has to send now. */
export function drain(endpoint: Endpoint, now: number): IncomingPacket[] {
  const packets: IncomingPacket[] = [];
  for (;;) {
    const packet = endpoint.set.next(now);
    if (packet === undefined) return packets;
    const counter = endpoint.counter++;
    packets.push(seal(packet, counter));
    endpoint.set.sealed(packet, counter, now);
    endpoint.sentPackets += 1;
  }
}

/** Two endpoints and a link between them, in simulated time. */
export class SimulatedLink {
  now = 0;
  readonly a: Endpoint;
  readonly b: Endpoint;
  readonly #random: Random;
  readonly #conditions: LinkConditions;
  readonly #agenda = new Agenda();
  steps = 0;

  constructor(a: Endpoint, b: Endpoint, conditions: LinkConditions, random: Random) {
    this.a = a;
    this.b = b;
    this.#conditions = conditions;
    this.#random = random;
  }

  at(time: number, run: () => void): void {
    this.#agenda.add(Math.max(time, this.now), run);
  }

  /** Runs until `done`, or until `limit` (simulated time) has passed; returns whether it was done. */
  run(done: () => boolean, limit: number): boolean {
    for (;;) {
      this.#flush(this.a, this.b);
      this.#flush(this.b, this.a);
      for (const { set } of [this.a, this.b]) {
        if (set.deadline() <= this.now) throw new Error(`a deadline stays due at ${this.now} ms`);
      }
      if (done()) return true;
      const agenda = this.#agenda;
      const next = Math.min(agenda.nextTime, this.a.set.deadline(), this.b.set.deadline());
      if (next > limit) return false;
      this.steps += 1;
      // A deadline that stays in the past would spin for ever.
      if (this.steps > 2_000_000) throw new Error(`the link spins at ${this.now} ms`);
      const { tick = 0 } = this.#conditions;
      const waking = tick === 0 ? next : Math.ceil(next / tick) * tick;
      this.now = Math.max(this.now, waking);
      while (agenda.nextTime <= this.now) agenda.take().run();
    }
  }

  #flush(from: Endpoint, to: Endpoint): void {
    const { loss, duplication, blackout, skips = 0 } = this.#conditions;
    const random = this.#random;
    for (const packet of drain(from, this.now)) {
      if (random.chance(skips)) from.counter += random.integer(1, 2 ** 20);
      const dark = blackout !== undefined && this.now >= blackout[0] && this.now < blackout[1];
      if (dark || random.chance(loss)) continue;
      this.#fly(to, packet);
      if (random.chance(duplication)) this.#fly(to, packet);
    }
  }

  #fly(to: Endpoint, packet: IncomingPacket): void {
    const { delay, jitter } = this.#conditions;
    const at = this.now + delay + this.#random.next() * jitter;
    this.#agenda.add(at, () => to.receive(packet, this.now));
  }
}
