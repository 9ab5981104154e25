import { MeshCore } from "../core/mesh-core.js";
import type { MeshEvent } from "../core/mesh-event.js";
import { EphemeralKeys } from "./ephemeral-keys.js";
import type { CheckedOptions } from "./node-options.js";
import { UdpSocket } from "./udp-socket.js";

/** Longest timer the runtime takes; the deadline is looked at again then. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Drives a core by a socket and the clock. Everything that happens in one turn of the event loop,
 * datagrams that arrived and commands alike, is answered at its end: sends share packets, and
 * nothing waits longer.
 */
export class CoreLoop {
  readonly core: MeshCore;
  readonly socket: UdpSocket;
  readonly #keys = new EphemeralKeys();
  #immediate: NodeJS.Immediate | undefined;
  #idle: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #isClosed = false;

  private constructor(
    socket: UdpSocket,
    options: CheckedOptions,
    emit: (event: MeshEvent) => void,
  ) {
    this.socket = socket;
    this.core = new MeshCore(
      {
        ...options,
        emit,
        // The runtime makes a buffer of its own for each.
        ownsDatagrams: true,
        hasSentAll: () => socket.hasSentAll,
        wallClock: () => Date.now(),
        ephemeralKey: () => this.#keys.take(),
        boundAddress: () => socket.address,
        transmit: (datagram, to) => {
          socket.send(datagram, to);
        },
      },
      performance.now(),
    );
    this.#arm();
    this.#prepareKeys();
  }

  /** @throws NetMeshError `SOCKET` when the address cannot be bound */
  static async start(
    bind: string,
    options: CheckedOptions,
    emit: (event: MeshEvent) => void,
  ): Promise<CoreLoop> {
    let loop: CoreLoop | undefined;
    const socket = await UdpSocket.bind({
      bind,
      received: (datagram, from) => {
        loop?.receive(datagram, from);
      },
    });
    loop = new CoreLoop(socket, options, emit);
    return loop;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  receive(datagram: Uint8Array, from: string): void {
    if (!this.#isClosed) {
      this.core.receive(datagram, from, performance.now());
      this.soon();
    }
  }

  /** Runs a command and sees to what it leads to at the end of this turn. */
  run<T>(command: (core: MeshCore, now: number) => T): T {
    const result = command(this.core, performance.now());
    this.soon();
    return result;
  }

  /** Ticks at the end of this turn. */
  soon(): void {
    if (this.#immediate === undefined && !this.#isClosed) {
      this.#immediate = setImmediate(() => {
        this.#immediate = undefined;
        this.#tick();
      });
    }
  }

  async close(): Promise<void> {
    if (!this.#isClosed) {
      // What was accepted until now leaves; the peers learn of the end by silence.
      this.core.tick(performance.now());
    }
    this.#isClosed = true;
    clearImmediate(this.#immediate);
    clearImmediate(this.#idle);
    this.#keys.clear();
    clearTimeout(this.#timer);
    await this.socket.close();
  }

  #tick(): void {
    if (!this.#isClosed) {
      this.core.tick(performance.now());
      this.#arm();
      this.#prepareKeys();
    }
  }

  /** Makes the keys that are missing, one a turn and after what that turn brings. */
  #prepareKeys(): void {
    if (this.#idle === undefined && !this.#keys.isFull) {
      this.#idle = setImmediate(() => {
        this.#idle = undefined;
        this.#keys.prepare();
        this.#prepareKeys();
      });
    }
  }

  #arm(): void {
    const at = this.core.deadline();
    const now = performance.now();
    if (at <= now) {
      this.soon();
      return;
    }
    if (at === this.#timerAt) {
      return;
    }
    clearTimeout(this.#timer);
    this.#timerAt = at;
    if (at !== Number.POSITIVE_INFINITY) {
      this.#timer = setTimeout(
        () => {
          this.#timerAt = Number.POSITIVE_INFINITY;
          this.#tick();
        },
        Math.min(Math.ceil(at - now), LONGEST_TIMER_MS),
      );
    }
  }
}
