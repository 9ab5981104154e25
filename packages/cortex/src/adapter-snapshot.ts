import { decode, encode } from "./codec.js";
import { struct } from "./compound-codecs.js";
import { CortexError, reasonOf } from "./cortex-error.js";
import type { FoldStart } from "./fold.js";
import type { Model } from "./model.js";
import { bytes, u64 } from "./scalar-codecs.js";

/** A model's state and the last event in it; what `restore` takes. */
export interface AdapterSnapshot {
  /** Postcard `{ app_seq: u64, inner: byte vector }` (CortEX format, section 10.3). */
  readonly bytes: Uint8Array;
  readonly lastSeq: bigint | undefined;
}

const wrapping = struct({ appSeq: u64, inner: bytes });
const lastPossible = 0xffffffffffffffffn;

export function encodeSnapshot<State, Inputs, Queries>(
  model: Model<State, Inputs, Queries>,
  state: State,
  appSeq: bigint,
): Uint8Array {
  return encode(wrapping, { appSeq, inner: encode(model.snapshot, state) });
}

/** @throws CortexError `DECODE`; the texts are the format's own (CortEX format, section 13). */
export function decodeSnapshot<State, Inputs, Queries>(
  model: Model<State, Inputs, Queries>,
  snapshot: AdapterSnapshot,
): FoldStart<State> {
  const name = model.channel.replace(/^cortex\//u, "");
  const { appSeq, inner } = unwrap(`${name} snapshot unwrap`, () =>
    decode(wrapping, snapshot.bytes),
  );
  const state = unwrap("deserialize snapshot", () => decode(model.snapshot, inner));
  const { lastSeq } = snapshot;
  if (lastSeq !== undefined && lastSeq >= lastPossible) {
    throw refusal("snapshot last_seq at u64::MAX; cannot resume");
  }
  return { state, appSeq, lastSeq };
}

function unwrap<T>(context: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw refusal(`${context}: ${reasonOf(error)}`, error);
  }
}

/** Reading a snapshot is an `encode failed` in the format's texts, too. */
function refusal(text: string, cause?: unknown): CortexError {
  return new CortexError("DECODE", `redex: encode failed: ${text}`, { cause });
}
