import { createHash } from "node:crypto";
import type { EventBatch } from "../event-batch.js";
import { isAnswer } from "./redis-failure.js";
import type { RedisLink, RedisReply } from "./redis-link.js";

/** KEYS: the stream. ARGV: its length or nothing, then envelope and dedup id of every event. */
const SCRIPT = `
local call, key, args, limit = redis.call, KEYS[1], ARGV, ARGV[1]
local last
if limit == '' then
  for i = 2, #args, 2 do
    last = call('XADD', key, '*', 'd', args[i], 'dedup_id', args[i + 1])
  end
else
  for i = 2, #args, 2 do
    last = call('XADD', key, 'MAXLEN', '~', limit, '*', 'd', args[i], 'dedup_id', args[i + 1])
  end
end
return last`;
const DIGEST: string = createHash("sha1").update(SCRIPT).digest("hex");

/**
 * Adds all events of a batch to a stream, or none. A script does it in one command, which spares
 * both sides most of the work of MULTI, an XADD for each event, and EXEC; the stream is the same.
 * A server that does not let us run scripts gets the transaction.
 */
export class RedisAppend {
  readonly #link: RedisLink;
  readonly #maxLength: number | undefined;
  #mayUseScripts: boolean;

  constructor(link: RedisLink, maxLength: number | undefined, mayUseScripts: boolean) {
    this.#link = link;
    this.#maxLength = maxLength;
    this.#mayUseScripts = mayUseScripts;
  }

  /** The id of the last entry. */
  async append(key: string, batch: EventBatch, signal: AbortSignal): Promise<string> {
    if (this.#mayUseScripts) {
      const id = await this.#script(key, batch, signal);
      if (id !== undefined) return id;
      this.#mayUseScripts = false;
    }
    return await this.#transaction(key, batch, signal);
  }

  /** Undefined when the server refuses to run scripts; nothing was added then. */
  async #script(key: string, batch: EventBatch, signal: AbortSignal): Promise<string | undefined> {
    const limit = this.#maxLength === undefined ? "" : String(this.#maxLength);
    const args = ["EVALSHA", DIGEST, "1", key, limit];
    for (let i = 0; i < batch.count; i += 1) args.push(batch.envelope(i), batch.dedupId(i));
    try {
      return String(await this.#link.send(key, args, signal));
    } catch (error) {
      if (!isRefusal(error, /^NOSCRIPT/)) return notAllowed(error);
    }
    try {
      args.splice(0, 2, "EVAL", SCRIPT);
      return String(await this.#link.send(key, args, signal));
    } catch (error) {
      return notAllowed(error);
    }
  }

  async #transaction(key: string, batch: EventBatch, signal: AbortSignal): Promise<string> {
    const limit = this.#maxLength === undefined ? [] : ["MAXLEN", "~", String(this.#maxLength)];
    const commands = Array.from({ length: batch.count }, (_, i) => [
      ...["XADD", key, ...limit, "*"],
      ...["d", batch.envelope(i), "dedup_id", batch.dedupId(i)],
    ]);
    const ids: readonly RedisReply[] = await this.#link.transaction(key, commands, signal);
    return String(ids.at(-1));
  }
}

function isRefusal(error: unknown, pattern: RegExp): boolean {
  return isAnswer(error) && error instanceof Error && pattern.test(error.message);
}

function notAllowed(error: unknown): undefined {
  if (isRefusal(error, /^NOPERM.*eval|unknown command/i)) return undefined;
  throw error;
}
