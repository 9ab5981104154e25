export interface RateLimitOptions {
  /** Sustained rate of one source. */
  readonly perSecond: number;
  /** What one source may send at once after a pause. */
  readonly burst: number;
  /** Sources remembered; the one heard of least lately is forgotten first. */
  readonly capacity?: number;
}

interface Bucket {
  tokens: number;
  filledAt: number;
}

const DEFAULT_CAPACITY = 4096;

/** A token bucket for each source address, in bounded memory. */
export class SourceRateLimit {
  readonly #options: RateLimitOptions;
  readonly #capacity: number;
  /** In the order of last use, oldest first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: RateLimitOptions) {
    this.#options = options;
    this.#capacity = options.capacity ?? DEFAULT_CAPACITY;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Whether `source` may do it once more at `now` (milliseconds). */
  admit(source: string, now: number): boolean {
    const { perSecond, burst } = this.#options;
    const bucket = this.#buckets.get(source) ?? { tokens: burst, filledAt: now };
    bucket.tokens = Math.min(
      burst,
      bucket.tokens + (Math.max(0, now - bucket.filledAt) / 1000) * perSecond,
    );
    bucket.filledAt = now;
    this.#buckets.delete(source);
    this.#buckets.set(source, bucket);
    if (this.#buckets.size > this.#capacity) {
      const [oldest] = this.#buckets.keys();
      this.#buckets.delete(oldest as string);
    }
    if (bucket.tokens < 1) {
      return false;
    }
    bucket.tokens -= 1;
    return true;
  }
}
