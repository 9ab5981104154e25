import { MAX_PACKET_BYTES } from "../packet-header.js";

/** What the scheduler keeps in each of its members. */
export interface Scheduled {
  weight: number;
  deficit: number;
  scheduled: boolean;
  following: this | undefined;
  /** Cost of the packet it would send now; 0 = none, until it is added again. */
  pendingCost(): number;
}

/** One round gives a stream of weight 1 the largest packet there is. */
const QUANTUM = MAX_PACKET_BYTES;

/**
 * Deficit round robin (Shreedhar and Varghese): streams share the session in proportion to their
 * weights, whatever the size of their packets.
 */
export class RoundRobin<T extends Scheduled> {
  #head: T | undefined;
  #tail: T | undefined;

  get empty(): boolean {
    return this.#head === undefined;
  }

  add(member: T): void {
    if (member.scheduled) return;
    member.scheduled = true;
    // A newcomer gets its share when it comes first.
    member.deficit = 0;
    this.#append(member);
  }

  /** Whose turn it is. The cost is charged by `charge`, so that a caller may still let it wait. */
  peek(): T | undefined {
    for (let member = this.#head; member !== undefined; member = this.#head) {
      const cost = member.pendingCost();
      if (cost === 0) {
        this.#removeHead(member);
        member.scheduled = false;
      } else if (cost <= member.deficit) {
        return member;
      } else {
        member.deficit += QUANTUM * member.weight;
        this.#removeHead(member);
        this.#append(member);
      }
    }
    return undefined;
  }

  /** Charges the head, which is about to send. */
  charge(member: T, cost: number): void {
    member.deficit -= cost;
  }

  #append(member: T): void {
    if (this.#tail === undefined) this.#head = member;
    else this.#tail.following = member;
    this.#tail = member;
  }

  #removeHead(member: T): void {
    this.#head = member.following;
    member.following = undefined;
    if (this.#head === undefined) this.#tail = undefined;
  }
}
