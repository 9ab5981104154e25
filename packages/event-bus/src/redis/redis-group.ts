import type { GroupDelivery, GroupMember, GroupOptions } from "../adapter.js";
import { sleep } from "../backoff.js";
import { EnvelopeReader } from "../envelope.js";
import type { StoredEvent } from "../stored-event.js";
import { entriesOf, eventOf, idOf, type RedisEntry } from "./redis-entry.js";
import { redisFailure } from "./redis-failure.js";
import type { RedisLink, RedisReply } from "./redis-link.js";

/** The longest one wait at the server lasts: what is due again is looked for in between. */
const LONGEST_BLOCK_MS = 1_000;
/** The pause between two looks at servers that cannot be waited at. */
const IDLE_MS = 20;

export interface RedisGroupContext {
  readonly keys: readonly string[];
  readonly options: GroupOptions;
  readonly commandTimeoutMs: number;
  readonly reading: RedisLink;
  readonly settling: RedisLink;
  readonly onClose: () => Promise<void>;
}

/** One consumer of a group of Redis: XREADGROUP, XAUTOCLAIM, XACK. */
export class RedisGroupMember implements GroupMember {
  #unreadable = 0;
  readonly #context: RedisGroupContext;
  readonly #options: GroupOptions;
  readonly #reader: EnvelopeReader = new EnvelopeReader();
  readonly #end: AbortController = new AbortController();
  /** Events handed out and not settled, and the stream each came from. */
  readonly #lent: Map<StoredEvent, string> = new Map();
  #claimAt = 0;

  constructor(context: RedisGroupContext) {
    this.#context = context;
    this.#options = context.options;
  }

  get unreadable(): number {
    return this.#unreadable;
  }

  /** Creates the group on every stream that does not have it. */
  async create(): Promise<void> {
    const start = this.#options.from === "start" ? "0" : "$";
    for (const key of this.#context.keys) {
      const command = ["XGROUP", "CREATE", key, this.#options.group, start, "MKSTREAM"];
      await this.#context.reading.send(key, command, this.#end.signal).catch((error: unknown) => {
        const isThere = error instanceof Error && error.message.startsWith("BUSYGROUP");
        if (!isThere) throw redisFailure(error, `creating the group ${this.#options.group}`);
      });
    }
  }

  async pull(limit: number, signal: AbortSignal): Promise<readonly GroupDelivery[]> {
    const stop = AbortSignal.any([signal, this.#end.signal]);
    while (!stop.aborted) {
      try {
        const due = await this.#claim(limit, stop);
        if (due.length > 0) return due;
        const fresh = await this.#read(limit, stop);
        if (fresh.length > 0) return fresh;
      } catch (error) {
        if (stop.aborted) return [];
        throw redisFailure(error, `reading for the group ${this.#options.group}`);
      }
    }
    return [];
  }

  acknowledge(deliveries: readonly GroupDelivery[]): Promise<void> {
    const { group } = this.#options;
    return this.#settle(deliveries, (key, ids) => ["XACK", key, group, ...ids]);
  }

  release(deliveries: readonly GroupDelivery[]): Promise<void> {
    const { group, consumer, redeliverAfterMs } = this.#options;
    this.#claimAt = 0;
    // As if they had been idle for so long that any member may claim them.
    const idle = ["IDLE", String(redeliverAfterMs + 1), "JUSTID"];
    return this.#settle(deliveries, (key, ids) => {
      return ["XCLAIM", key, group, consumer, "0", ...ids, ...idle];
    });
  }

  async close(): Promise<void> {
    const left = [...this.#lent.keys()].map((event) => ({ event, attempt: 1 }));
    if (left.length > 0) await this.release(left).catch(() => undefined);
    this.#end.abort();
    await this.#context.onClose();
  }

  /** Events that some member has had for too long. */
  async #claim(limit: number, signal: AbortSignal): Promise<readonly GroupDelivery[]> {
    const now = performance.now();
    if (now < this.#claimAt) return [];
    const { group, consumer, redeliverAfterMs } = this.#options;
    const idle = String(redeliverAfterMs);
    const deliveries: GroupDelivery[] = [];
    for (const key of this.#context.keys) {
      const count = String(limit - deliveries.length);
      const claim = ["XAUTOCLAIM", key, group, consumer, idle, "0-0", "COUNT", count];
      const [, claimed] = (await this.#context.reading.send(
        key,
        claim,
        signal,
      )) as readonly RedisReply[];
      const entries = entriesOf(claimed ?? []);
      if (entries.length === 0) continue;
      const attempts = await this.#attempts(key, entries, signal);
      deliveries.push(...(await this.#deliver(key, entries, attempts, signal)));
      if (deliveries.length >= limit) return deliveries;
    }
    this.#claimAt = now + Math.min(redeliverAfterMs / 2, LONGEST_BLOCK_MS);
    return deliveries;
  }

  async #attempts(
    key: string,
    entries: readonly RedisEntry[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, number>> {
    const { group, consumer } = this.#options;
    const [first, last] = [entries[0], entries.at(-1)];
    if (first === undefined || last === undefined) return new Map();
    const range = [idOf(first), idOf(last)];
    const pending = ["XPENDING", key, group, ...range, "10000", consumer];
    const rows = (await this.#context.reading.send(
      key,
      pending,
      signal,
    )) as readonly (readonly RedisReply[])[];
    return new Map(rows.map(([id, , , count]) => [String(id), Number(count)]));
  }

  /** Events no member has had. */
  async #read(limit: number, signal: AbortSignal): Promise<readonly GroupDelivery[]> {
    const { keys, reading, commandTimeoutMs } = this.#context;
    const { group, consumer, redeliverAfterMs } = this.#options;
    const wait = Math.max(1, Math.min(LONGEST_BLOCK_MS, Math.floor(redeliverAfterMs / 2)));
    const each = String(Math.max(1, Math.floor(limit / keys.length)));
    const start = ["XREADGROUP", "GROUP", group, consumer, "COUNT", each];
    const replies: RedisReply[] = [];
    if (reading.canBlock) {
      const streams = ["STREAMS", ...keys, ...keys.map(() => ">")];
      const command = [...start, "BLOCK", String(wait), ...streams];
      const timeoutMs = wait + commandTimeoutMs;
      replies.push(await reading.send(keys[0] ?? "", command, signal, timeoutMs));
    } else {
      const all = keys.map((key) => reading.send(key, [...start, "STREAMS", key, ">"], signal));
      replies.push(...(await Promise.all(all)));
      if (replies.every((reply) => reply === null)) await sleep(IDLE_MS, signal);
    }
    const deliveries: GroupDelivery[] = [];
    for (const reply of replies) {
      for (const [key, entries] of (reply ?? []) as readonly (readonly RedisReply[])[]) {
        const found = entriesOf(entries ?? []);
        deliveries.push(...(await this.#deliver(String(key), found, new Map(), signal)));
      }
    }
    return deliveries;
  }

  /** Entries that are no events are acknowledged: nobody could do anything with them. */
  async #deliver(
    key: string,
    entries: readonly RedisEntry[],
    attempts: ReadonlyMap<string, number>,
    signal: AbortSignal,
  ): Promise<readonly GroupDelivery[]> {
    const deliveries: GroupDelivery[] = [];
    const unreadable: string[] = [];
    for (const entry of entries) {
      const event = eventOf(this.#reader, entry);
      if (event === undefined) unreadable.push(idOf(entry));
      else deliveries.push({ event, attempt: attempts.get(event.id) ?? 1 });
    }
    if (unreadable.length > 0) {
      const command = ["XACK", key, this.#options.group, ...unreadable];
      await this.#context.settling.send(key, command, signal);
      this.#unreadable += unreadable.length;
    }
    for (const { event } of deliveries) this.#lent.set(event, key);
    return deliveries;
  }

  async #settle(
    deliveries: readonly GroupDelivery[],
    command: (key: string, ids: readonly string[]) => readonly string[],
  ): Promise<void> {
    const byKey = new Map<string, string[]>();
    for (const { event } of deliveries) {
      const key = this.#lent.get(event);
      if (key === undefined) continue;
      const ids = byKey.get(key) ?? [];
      byKey.set(key, ids);
      ids.push(event.id);
    }
    const { settling } = this.#context;
    const sent = [...byKey].map(([key, ids]) =>
      settling.send(key, command(key, ids), this.#end.signal),
    );
    try {
      await Promise.all(sent);
    } catch (error) {
      throw redisFailure(error, `settling events of the group ${this.#options.group}`);
    }
    for (const { event } of deliveries) this.#lent.delete(event);
  }
}
