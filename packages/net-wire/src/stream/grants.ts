/** Stream-window grants (Net transport format, section 9). */
export const GRANT_SUBPROTOCOL = 0x0b00;

const FRAME = 4 + 16;
/** Grants on their way out, in the order in which they were earned. */
export class GrantQueue {
  static readonly #mostWaiting = 16_384;
  #streams: bigint[] = [];
  #totals: number[] = [];

  get length(): number {
    return this.#streams.length;
  }

  add(streamId: bigint, total: number): void {
    if (this.#streams.length >= GrantQueue.#mostWaiting) this.#keepLatest();
    this.#streams.push(streamId);
    this.#totals.push(total);
  }

  /** One packet's worth: events of 16 bytes, `u64 stream id, u64 total`. */
  encode(maxPayload: number): { readonly payload: Uint8Array; readonly count: number } {
    const count = Math.min(this.#streams.length, Math.floor(maxPayload / FRAME));
    const payload = new Uint8Array(count * FRAME);
    const view = new DataView(payload.buffer);
    for (let index = 0; index < count; index++) {
      view.setUint32(index * FRAME, 16, true);
      view.setBigUint64(index * FRAME + 4, this.#streams[index] as bigint, true);
      view.setBigUint64(index * FRAME + 12, BigInt(this.#totals[index] as number), true);
    }
    this.#streams.splice(0, count);
    this.#totals.splice(0, count);
    return { payload, count };
  }

  /** Totals are absolute, so the last one of a stream says everything. */
  #keepLatest(): void {
    const latest = new Map<bigint, number>();
    for (const [index, streamId] of this.#streams.entries()) {
      latest.set(streamId, this.#totals[index] as number);
    }
    this.#streams = [...latest.keys()];
    this.#totals = [...latest.values()];
    // More than a session keeps: those streams are gone at our end.
    const surplus = this.#streams.length - GrantQueue.#mostWaiting / 2;
    if (surplus > 0) {
      this.#streams.splice(0, surplus);
      this.#totals.splice(0, surplus);
    }
  }
}
