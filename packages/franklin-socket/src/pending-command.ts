import type { JsonValue } from "@gaiaftcl/canonical-json";

/** What a handler is asked to do. */
export interface FranklinRequest {
  readonly requestId: string;
  readonly method: string;
  readonly args: { readonly [name: string]: JsonValue };
}

/** Under which circumstances. */
export interface RequestContext {
  readonly operatorContext: string;
  /** The id under which the command will be sealed. */
  readonly commandId: string;
  /** Aborted when the operator disconnects, the time is up or the server closes. */
  readonly signal: AbortSignal;
}

/**
 * One request between its arrival and its outcome. The abort signal is made when somebody asks for
 * it, since most commands are answered without ever looking at it.
 */
export class PendingCommand implements RequestContext {
  readonly ticket: number;
  readonly operatorContext: string;
  readonly commandId: string;
  /** On the monotonic clock of the server. */
  readonly deadline: number;
  #controller: AbortController | undefined;
  #reason: Error | undefined;

  constructor(options: {
    readonly ticket: number;
    readonly operatorContext: string;
    readonly commandId: string;
    readonly deadline: number;
  }) {
    this.ticket = options.ticket;
    this.operatorContext = options.operatorContext;
    this.commandId = options.commandId;
    this.deadline = options.deadline;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  abort(reason: Error): void {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
  }
}
