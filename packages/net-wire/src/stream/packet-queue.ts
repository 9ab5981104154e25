import type { Outgoing } from "./outgoing.js";

/** First in, first out, without moving the rest at every removal. */
export class PacketQueue {
  #packets: (Outgoing | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#packets.length - this.#head;
  }

  get first(): Outgoing | undefined {
    return this.#packets[this.#head];
  }

  get last(): Outgoing | undefined {
    return this.length === 0 ? undefined : this.#packets.at(-1);
  }

  push(packet: Outgoing): void {
    this.#packets.push(packet);
  }

  shift(): Outgoing | undefined {
    if (this.length === 0) return undefined;
    const packet = this.#packets[this.#head];
    this.#packets[this.#head++] = undefined;
    if (this.#head === this.#packets.length) {
      this.#packets.length = 0;
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#packets.length) {
      this.#packets = this.#packets.slice(this.#head);
      this.#head = 0;
    }
    return packet;
  }
}
