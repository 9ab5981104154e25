import type { Buffer } from "node:buffer";

/** A reply of protocol version 2, texts as bytes. */
export type RedisReply = null | number | Buffer | string | readonly RedisReply[];

/** The way to one server, or to the server of a cluster that has a key. */
export interface RedisLink {
  /** Whether a command may wait at the server, for several keys at once. */
  readonly canBlock: boolean;
  /** Sends one command about `key`. `timeoutMs` is for one that waits. */
  send(
    key: string,
    args: readonly string[],
    signal: AbortSignal,
    timeoutMs?: number,
  ): Promise<RedisReply>;
  /** MULTI, the commands, EXEC, in one piece; the replies of the commands. */
  transaction(
    key: string,
    commands: readonly (readonly string[])[],
    signal: AbortSignal,
  ): Promise<readonly RedisReply[]>;
  /**
   * Makes sure that nothing sent on an earlier connection is carried out from now on: the server is
   * told to drop those it may still be reading from.
   */
  fence(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
