import { randomUUID } from "node:crypto";
import { CanonicalJsonError, decode } from "@gaiaftcl/canonical-json";
import { type Command, commandRow, type RowRecord } from "@gaiaftcl/sealed-row";
import { type CommandRequest, isObject } from "./command-request.js";
import { FRAME_BYTES } from "./frame.js";
import { FranklinError, messageOf, quote } from "./franklin-error.js";
import type { Logger } from "./logger.js";
import { type ResponseSeal, responseText, UNSEALED } from "./message.js";
import { blocked, isOutcome, type Outcome } from "./outcome.js";
import { type FranklinRequest, PendingCommand, type RequestContext } from "./pending-command.js";

/** Carries out a command. What it throws becomes a `blocked` outcome, `HANDLER_FAILED`. */
export type CommandHandler = (
  request: FranklinRequest,
  context: RequestContext,
) => Promise<Outcome> | Outcome;

/** Seals the own columns of a `franklin_commands` row and says what witness it got. */
export type CommandSealer = (columns: RowRecord) => Promise<ResponseSeal> | ResponseSeal;

export interface CommandRunnerOptions {
  readonly handler: CommandHandler;
  readonly seal: CommandSealer;
  readonly requestMs: number;
  readonly logger: Logger;
  readonly now: () => number;
}

/** What stands beside the outcome in a response: witness, hash, five entries and the request id. */
const RESPONSE_ROOM = 16 * 1024;

/**
 * Runs the commands of one connection: handler, then seal, then response. Every command is sealed
 * exactly once, also when its operator is gone before it ends (cell format, section 6).
 */
export class CommandRunner {
  readonly #options: CommandRunnerOptions;
  readonly #respond: (ticket: number, text: string) => void;
  /** Commands without an outcome, in the order of their deadlines. */
  readonly #running = new Map<PendingCommand, (outcome: Outcome) => void>();
  #unanswered = 0;
  #whenIdle: PromiseWithResolvers<void> | undefined;

  /** @param respond is called once for each command, with the text of the response */
  constructor(options: CommandRunnerOptions, respond: (ticket: number, text: string) => void) {
    this.#options = options;
    this.#respond = respond;
  }

  /** When `elapse` has something to do, or `undefined`. */
  get deadline(): number | undefined {
    for (const command of this.#running.keys()) return command.deadline;
    return undefined;
  }

  run(ticket: number, request: CommandRequest, operatorContext: string): void {
    this.#unanswered += 1;
    const command = new PendingCommand({
      ticket,
      operatorContext,
      commandId: randomUUID(),
      deadline: this.#options.now() + this.#options.requestMs,
    });
    const finish = (outcome: Outcome): void => {
      if (this.#running.delete(command)) void this.#finish(command, request, outcome);
    };
    this.#running.set(command, finish);
    if (request.refusal !== undefined) finish(request.refusal);
    else void this.#handle(request, command).then(finish);
  }

  /** Ends the commands whose time is up; what their handlers still return is not looked at. */
  elapse(now: number): void {
    const seconds = this.#options.requestMs / 1000;
    for (const [command, finish] of this.#running) {
      if (command.deadline > now) return;
      const reason = `no outcome within ${seconds} s; the command was told to stop`;
      finish(blocked("TIMEOUT", reason));
      command.abort(new FranklinError("TIMEOUT", reason));
    }
  }

  /** Tells the handlers to stop; they still decide the outcome. */
  abort(reason: FranklinError): void {
    for (const command of this.#running.keys()) command.abort(reason);
  }

  /** Ends what runs, whatever the handlers do. */
  cut(reason: FranklinError): void {
    for (const finish of this.#running.values()) finish(blocked(reason.code, reason.message));
  }

  /** Resolves when every command is sealed and answered. */
  idle(): Promise<void> {
    if (this.#unanswered === 0) return Promise.resolve();
    this.#whenIdle ??= Promise.withResolvers<void>();
    return this.#whenIdle.promise;
  }

  async #handle(request: CommandRequest, command: PendingCommand): Promise<Outcome> {
    const { requestId, method, args } = request;
    try {
      if (!isObject(args)) throw new FranklinError("ARGS_INVALID", "args are no object");
      const outcome = await this.#options.handler({ requestId, method, args }, command);
      if (isOutcome(outcome)) return outcome;
      throw new FranklinError("PROTOCOL_VIOLATION", "the handler returned no outcome");
    } catch (error) {
      this.#options.logger.error({ method, requestId, error }, "a command failed");
      return blocked("HANDLER_FAILED", `${quote(method)} failed: ${messageOf(error)}`);
    }
  }

  async #finish(command: PendingCommand, request: CommandRequest, outcome: Outcome): Promise<void> {
    const text = await this.#sealed(command, request, outcome);
    this.#unanswered -= 1;
    this.#respond(command.ticket, text);
    if (this.#unanswered > 0) return;
    this.#whenIdle?.resolve();
    this.#whenIdle = undefined;
  }

  async #sealed(
    command: PendingCommand,
    request: CommandRequest,
    outcome: Outcome,
  ): Promise<string> {
    const { requestId, method, args } = request;
    const { commandId, operatorContext } = command;
    const columns = this.#columns({ commandId, requestId, operatorContext, method, args, outcome });
    try {
      const seal = await this.#options.seal(columns);
      return responseText(requestId, String(columns["outcome_json"]), seal);
    } catch (error) {
      this.#options.logger.error({ method, requestId, error }, "a command could not be sealed");
      const reason = `${quote(method)} could not be sealed, so what it did, if anything, is not on record: ${messageOf(error)}`;
      const failure = this.#columns({
        ...{ commandId, requestId, operatorContext, method, args },
        outcome: blocked("SEAL_FAILED", reason),
      });
      return responseText(requestId, String(failure["outcome_json"]), UNSEALED);
    }
  }

  /** The columns to seal; an outcome that cannot be sent is replaced by one that says so. */
  #columns(command: Command): RowRecord {
    const declined = (code: string, reason: string): RowRecord =>
      commandRow({ ...command, outcome: blocked(code, reason) });
    try {
      const columns = commandRow(command);
      const outcomeJson = String(columns["outcome_json"]);
      // As the client will read it: one level deeper, and without integers that a double would bend.
      decode(outcomeJson, { maxDepth: 63, maxBytes: FRAME_BYTES - RESPONSE_ROOM });
      return columns;
    } catch (error) {
      if (error instanceof CanonicalJsonError && error.code === "TOO_LARGE") {
        return declined("RESPONSE_TOO_LARGE", "the outcome is larger than a frame may be");
      }
      return declined("HANDLER_FAILED", `the outcome has no JSON form: ${messageOf(error)}`);
    }
  }
}
