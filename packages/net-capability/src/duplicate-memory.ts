/**
 * Remembers keys for a while, at most so many: beyond that the oldest go first. Keys are added in
 * the order of time, so the oldest are always in front.
 */
export class DuplicateMemory {
  readonly #lifetime: number;
  readonly #capacity: number;
  readonly #expiry = new Map<string, number>();

  /** @param lifetime in milliseconds */
  constructor(lifetime: number, capacity: number) {
    this.#lifetime = lifetime;
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#expiry.size;
  }

  has(key: string, now: number): boolean {
    const expiresAt = this.#expiry.get(key);
    return expiresAt !== undefined && now < expiresAt;
  }

  add(key: string, now: number): void {
    this.#expiry.delete(key);
    this.#expiry.set(key, now + this.#lifetime);
    if (this.#expiry.size <= this.#capacity) return;
    for (const oldest of this.#expiry.keys()) {
      this.#expiry.delete(oldest);
      return;
    }
  }

  delete(key: string): void {
    this.#expiry.delete(key);
  }

  prune(now: number): void {
    for (const [key, expiresAt] of this.#expiry) {
      if (now < expiresAt) return;
      this.#expiry.delete(key);
    }
  }
}
