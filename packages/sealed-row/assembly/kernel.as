// What src/event-kernel.ts calls: verifies the event of a row on its bytes, but for the hashes of the
// payload, of the witness and of one facet. AssemblyScript, compiled by `pnpm run build:kernel`.

import { gatherPayload, isAscii, locate } from "./event-layout";
import { facetWord, matchLanes, setHash } from "./facets";
import { FOUND, HASHES, HASH_LENGTH, ROLES, SLOT_END, SLOT_START, SLOT_STEP, SLOTS, WITNESS } from "./memory";
import {
  PIECE_BETWEEN,
  PIECE_CELL,
  PIECE_CLOSE,
  PIECE_DIGEST,
  PIECE_DOMAIN,
  PIECE_HEAD,
  PIECE_ID,
  PIECE_OPEN,
  PIECE_PATH,
  PIECE_PREVIOUS,
  PIECE_SUBJECT,
  PIECE_TAU,
  ROLE_BROADCAST,
  ROLE_CELL,
  ROLE_DOMAIN,
  ROLE_HASH,
  ROLE_ID,
  ROLE_PATH,
  ROLE_QUINTET,
  ROLE_SEALED,
  ROLE_SEQ,
  ROLE_SUBJECT,
  ROLE_TAU,
  ROLE_WITNESS,
} from "./pieces";
import { swapBytes } from "./sha256-lanes";
import {
  between,
  decodeHash,
  isHash,
  isPiece,
  isPlainId,
  isSame,
  isTime,
  pieceLength,
  TIME_LENGTH,
} from "./text";

const SMALL_N: u8 = 0x6e;
const FACETS: usize = 5;
/** The one that is left to the caller. */
const OTHER_FACET: usize = 3;
const LANE_PATH: usize = 2;
const LANE_TAU: usize = 3;

/** What became of an event. */
const REFUSED: i32 = 0;
const FOUND_ASCII: i32 = 1;
/** Good, where it is UTF-8. */
const FOUND_TEXT: i32 = 2;
/** Of an identity other than the last one; it has to be set before the rest can be looked at. */
const OTHER_IDENTITY: i32 = 3;

/** The columns of the table, with `seq` and those of the seal. */
let slots: usize = 0;
let facetStep: usize = 0;
let quintetLength: usize = 0;

export function configure(slotCount: usize): void {
  slots = slotCount;
  facetStep = HASH_LENGTH + pieceLength(PIECE_BETWEEN);
  quintetLength =
    pieceLength(PIECE_OPEN) +
    FACETS * HASH_LENGTH +
    (FACETS - 1) * pieceLength(PIECE_BETWEEN) +
    pieceLength(PIECE_CLOSE);
}

/** Looks at the event that stands there. Where it is good but for three hashes, FOUND says what it holds. */
export function examine(event: usize, length: usize): i32 {
  if (!locate(event, length, slots, quintetLength)) return REFUSED;
  const id = textOf(ROLE_ID);
  const sealed = textOf(ROLE_SEALED);
  if (isNull(ROLE_ID) || !isPlainId(id, textEndOf(ROLE_ID)) || !isTimeOf(ROLE_SEALED)) return REFUSED;
  if (isNull(ROLE_SEQ)) return REFUSED;
  const seq = integerOf(ROLE_SEQ);
  const delay = broadcastDelay(sealed);
  if (seq <= 0 || isNaN(delay) || !isAt(ROLE_SUBJECT, PIECE_SUBJECT)) return REFUSED;
  if (
    !isAt(ROLE_CELL, PIECE_CELL) ||
    !isAt(ROLE_DOMAIN, PIECE_DOMAIN) ||
    !isAt(ROLE_PATH, PIECE_PATH) ||
    !isAt(ROLE_TAU, PIECE_TAU)
  ) {
    return OTHER_IDENTITY;
  }
  const digest = digestOfWitness(id, textEndOf(ROLE_ID) - id, sealed);
  if (digest === 0) return REFUSED;
  const hash = textOf(ROLE_HASH);
  if (textEndOf(ROLE_HASH) - hash !== HASH_LENGTH || !isHash(hash)) return REFUSED;
  setHash(hash);
  const quintet = startOf(ROLE_QUINTET);
  if (!isQuintetForm(quintet)) return REFUSED;
  const facets = quintet + pieceLength(PIECE_OPEN);
  const other = facets + OTHER_FACET * facetStep;
  if (!isHash(other) || !matchLanes(facets, facetStep)) return REFUSED;
  store<u32>(FOUND, id - event);
  store<u32>(FOUND, textEndOf(ROLE_ID) - event, 4);
  store<u32>(FOUND, hash - event, 8);
  decodeHash(digest, HASHES);
  decodeHash(hash, HASHES + 32);
  decodeHash(other, HASHES + 64);
  v128.store(FOUND, swapBytes(v128.load(HASHES, 32)), 16);
  store<u32>(FOUND, facetWord(LANE_PATH, 0), 32);
  store<u32>(FOUND, facetWord(LANE_PATH, 1), 36);
  store<u32>(FOUND, facetWord(LANE_TAU, 0), 40);
  store<u32>(FOUND, facetWord(LANE_TAU, 1), 44);
  store<f64>(FOUND, seq, 48);
  store<f64>(FOUND, delay, 56);
  store<u32>(FOUND, gatherPayload(slots), 64);
  store<u32>(FOUND, copyWitness(), 68);
  return isAscii ? FOUND_ASCII : FOUND_TEXT;
}

/** Milliseconds from one time to the other; infinite where none is said, not a number where it is no time. */
function broadcastDelay(sealed: usize): f64 {
  if (isNull(ROLE_BROADCAST)) return Infinity;
  if (!isTimeOf(ROLE_BROADCAST)) return NaN;
  return between(sealed, textOf(ROLE_BROADCAST));
}

/**
 * Where the payload digest stands in the witness, if the rest of it is what `joinWitness` makes of the
 * row, naming any row before; otherwise 0.
 */
function digestOfWitness(id: usize, idLength: usize, sealed: usize): usize {
  const head = textOf(ROLE_WITNESS);
  const time = head + pieceLength(PIECE_HEAD);
  const idLabel = time + TIME_LENGTH;
  const idText = idLabel + pieceLength(PIECE_ID);
  const previousLabel = idText + idLength;
  const previous = previousLabel + pieceLength(PIECE_PREVIOUS);
  const digestLabel = previous + HASH_LENGTH;
  const digest = digestLabel + pieceLength(PIECE_DIGEST);
  const isWitness =
    digest + HASH_LENGTH === textEndOf(ROLE_WITNESS) &&
    isPiece(PIECE_HEAD, head) &&
    isSame(time, sealed, TIME_LENGTH) &&
    isPiece(PIECE_ID, idLabel) &&
    isSame(idText, id, idLength) &&
    isPiece(PIECE_PREVIOUS, previousLabel) &&
    isHash(previous) &&
    isPiece(PIECE_DIGEST, digestLabel) &&
    isHash(digest);
  return isWitness ? digest : 0;
}

/** To where it stands for every event, so that it can be named by its length alone. */
function copyWitness(): usize {
  const start = textOf(ROLE_WITNESS);
  const length = textEndOf(ROLE_WITNESS) - start;
  for (let at: usize = 0; at < length; at += 16) v128.store(WITNESS + at, v128.load(start + at));
  return length;
}

/** Whether everything but the five facets is as in every quintet. */
function isQuintetForm(at: usize): bool {
  if (!isPiece(PIECE_OPEN, at)) return false;
  let label = at + pieceLength(PIECE_OPEN) + HASH_LENGTH;
  for (let facet: usize = 1; facet < FACETS; facet += 1, label += facetStep) {
    if (!isPiece(PIECE_BETWEEN, label)) return false;
  }
  return isPiece(PIECE_CLOSE, label);
}

@inline
function slotOf(role: usize): usize {
  return SLOTS + (load<u32>(ROLES + role * 4) as usize) * SLOT_STEP;
}

@inline
function startOf(role: usize): usize {
  return load<u32>(slotOf(role), SLOT_START);
}

@inline
function endOf(role: usize): usize {
  return load<u32>(slotOf(role), SLOT_END);
}

/** The one of a text is after its quotation mark; its form has no escapes. */
@inline
function textOf(role: usize): usize {
  return startOf(role) + 1;
}

@inline
function textEndOf(role: usize): usize {
  return endOf(role) - 1;
}

@inline
function isNull(role: usize): bool {
  return load<u8>(startOf(role)) === SMALL_N;
}

@inline
function isAt(role: usize, piece: usize): bool {
  const start = startOf(role);
  return endOf(role) - start === pieceLength(piece) && isPiece(piece, start);
}

@inline
function isTimeOf(role: usize): bool {
  return textEndOf(role) - textOf(role) === TIME_LENGTH && isTime(textOf(role));
}

/** The number that at most 15 digits write, after a sign or without one. */
function integerOf(role: usize): f64 {
  const start = startOf(role);
  const isNegative = load<u8>(start) === 0x2d;
  let value: i64 = 0;
  for (let at = isNegative ? start + 1 : start; at < endOf(role); at += 1) {
    value = value * 10 + (load<u8>(at) as i64) - 0x30;
  }
  return (isNegative ? -value : value) as f64;
}
