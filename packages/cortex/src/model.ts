import type { Codec } from "./codec.js";
import { CortexError } from "./cortex-error.js";

/** Where an event stands, for a fold that wants to know. */
export interface EventInfo {
  readonly seq: bigint;
  readonly originHash: bigint;
  readonly seqOrTs: bigint;
}

/** What one kind of event carries, and what it does to the state. */
export interface Operation<State, Input> {
  /** The event's first byte: 0x80 to 0xFF for applications (CortEX format, section 8). */
  readonly dispatch: number;
  readonly codec: Codec<Input>;
  /**
   * The state after the event: a new one, or the same one changed. Depends on nothing but its
   * arguments, and does not change the state before it throws.
   */
  fold(state: State, input: Input, event: EventInfo): State;
}

/** One operation of a model. */
export function operation<State, Input>(
  dispatch: number,
  codec: Codec<Input>,
  fold: (state: State, input: Input, event: EventInfo) => State,
): Operation<State, Input> {
  return { dispatch, codec, fold };
}

/** An event-sourced model: its operations, the state they fold into, and the questions to it. */
export interface ModelDefinition<State, Inputs, Queries> {
  /** The name of the model's log, such as `app/counter`. */
  readonly channel: string;
  readonly initial: () => State;
  /** How the state is written into a snapshot. */
  readonly snapshot: Codec<State>;
  readonly operations: { readonly [Name in keyof Inputs]: Operation<State, Inputs[Name]> };
  /** The questions; each asks for the state when it is called. */
  readonly queries: (state: () => State) => Queries;
  /**
   * Which position a snapshot names. `folded` (the default) never folds an event twice. `applied` is
   * the format's own rule (CortEX format, section 10.3): behind an event that could not be decoded,
   * restoring folds again what came after it, which only a fold that bears repetition may do.
   */
  readonly snapshotAt?: "folded" | "applied";
}

/** A definition that has been checked. */
export interface Model<State, Inputs, Queries> extends ModelDefinition<State, Inputs, Queries> {
  readonly byDispatch: ReadonlyMap<number, Operation<State, Inputs[keyof Inputs]>>;
}

/**
 * Makes a model of a definition.
 * @throws CortexError `INVALID_MODEL` for a dispatch byte outside 0x01 to 0xFF or used twice
 */
export function defineModel<State, Inputs, Queries>(
  definition: ModelDefinition<State, Inputs, Queries>,
): Model<State, Inputs, Queries> {
  const byDispatch = new Map<number, Operation<State, Inputs[keyof Inputs]>>();
  for (const name of Object.keys(definition.operations) as (keyof Inputs & string)[]) {
    const { dispatch } = definition.operations[name];
    if (!Number.isInteger(dispatch) || dispatch < 0x01 || dispatch > 0xff) {
      throw new CortexError(
        "INVALID_MODEL",
        `${definition.channel}: expected a dispatch byte from 0x01 to 0xff for ${name}, found ${dispatch}`,
      );
    }
    if (byDispatch.has(dispatch)) {
      throw new CortexError(
        "INVALID_MODEL",
        `${definition.channel}: the dispatch byte 0x${dispatch.toString(16)} of ${name} is taken`,
      );
    }
    byDispatch.set(
      dispatch,
      definition.operations[name] as unknown as Operation<State, Inputs[keyof Inputs]>,
    );
  }
  return { ...definition, byDispatch };
}
