import { sha256Hex } from "@gaiaftcl/witness";
import { EventBytes, HASH_LENGTH, Part, Piece, TIME_LENGTH } from "./event-bytes.js";
import { EventLayout } from "./event-layout.js";
import { FacetHasher } from "./facet-hasher.js";
import { isPlainIdAt } from "./plain-id.js";
import { QUOTED_QUINTET_FORM } from "./quintet-text.js";
import { isUnsigned, type Requirement } from "./row-report.js";
import { witnessHead } from "./row-witness.js";
import {
  ensureSealedTable,
  type RowRecord,
  type RowValue,
  SEAL_COLUMNS,
  type SealedTable,
} from "./sealed-table.js";

const SMALL_N = 0x6e;
const FACETS = 5;
const PATH_FACET = 2;
const TAU_FACET = 4;
const ID_LABEL = new Piece(";id=");
const PREVIOUS_LABEL = new Piece(";prev=");
const DIGEST_LABEL = new Piece(";payload_digest=");
const QUINTET_OPEN = new Piece(QUOTED_QUINTET_FORM.open);
const QUINTET_BETWEEN = new Piece(QUOTED_QUINTET_FORM.between);
const QUINTET_CLOSE = new Piece(QUOTED_QUINTET_FORM.close);
/** From one facet to the next. */
const FACET_STEP = HASH_LENGTH + QUOTED_QUINTET_FORM.between.length;

/** The event of a row that verified: what it holds, and at which of its bytes. */
export interface VerifiedEvent {
  /** Below 2^53. */
  readonly seq: number;
  /** When it was broadcast, in milliseconds after it was sealed; null where it does not say. */
  readonly broadcastAfterMs: number | null;
  /** The first byte of the id, which is ASCII, and the one after the last. */
  readonly idStart: number;
  readonly idEnd: number;
  /** The first of the 64 digits of the witness hash. */
  readonly witnessHashStart: number;
  /** The first digits of the two facets that do not follow from the witness. */
  readonly pathFacetStart: number;
  readonly tauFacetStart: number;
}

/** Verifies many events of one table on their bytes, without taking them apart. */
export interface EventVerifier {
  readonly table: SealedTable;
  /**
   * What the event of a row holds, where `decodeEvent` reads the bytes, it is of this table, and
   * `verifyRow` finds the row ok. `undefined` says nothing: they may be of a good row that is
   * written in another way, and must go through those two. Shared memory may be given as well: what
   * is verified is what stood there when it was copied.
   */
  read(event: Uint8Array): VerifiedEvent | undefined;
  /** The row of an event that was read, with all integers as `bigint`. */
  rowOf(event: Uint8Array): RowRecord;
}

/** @throws SealedRowError `TABLE_UNKNOWN` */
export function eventVerifier(
  tableOrName: SealedTable | string,
  options: Requirement = {},
): EventVerifier {
  const table = ensureSealedTable(tableOrName);
  const integers = [...table.columns, ...SEAL_COLUMNS]
    .filter(({ type }) => type === "INTEGER")
    .map(({ name }) => name)
    .concat("seq");
  const isFast = isUnsigned(options);
  // Most verifiers of a set never see an event, and the memory for one is large.
  let reader: EventReader | undefined;
  return {
    table,
    read(event) {
      if (!isFast) return undefined;
      reader ??= eventReader(table);
      return reader(event);
    },
    rowOf: (event) => rowOf(event, integers),
  };
}

type EventReader = (event: Uint8Array) => VerifiedEvent | undefined;

function eventReader(table: SealedTable): EventReader {
  const memory = new EventBytes();
  const { bytes, view } = memory;
  const witnessPart = new Part(bytes);
  const quintetPart = new Part(bytes);
  const layout = new EventLayout(table, memory);
  const { starts, ends } = layout;
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** Does not throw; what it puts in place of bytes that are no UTF-8 is no hex digit. */
  const anyText = new TextDecoder("utf-8", { ignoreBOM: true });
  const slot = (name: string): number => layout.slotOf(name);
  const at = {
    id: slot(table.idColumn),
    seq: slot("seq"),
    cell: slot("cell_id"),
    domain: slot("domain_id"),
    path: slot("lean_artifact_path"),
    tau: slot("tau_block"),
    sealed: slot("sealed_at_iso"),
    broadcast: slot("nats_broadcast_at_iso"),
    witness: slot("canonical_witness"),
    hash: slot("witness_hash_sha256"),
    quintet: slot("signature_quintet"),
    subject: slot("nats_subject_sealed"),
  };
  const subject = new Piece(`"${table.subject}"`);
  let last: Identity | undefined;
  /** The hash that the witness of the next row names, where rows come in order; in whole words. */
  const likely = new Int32Array(HASH_LENGTH / 4);

  const start = (index: number): number => starts[index] as number;
  const end = (index: number): number => ends[index] as number;
  const isNull = (index: number): boolean => bytes[start(index)] === SMALL_N;
  /** The one of a text is after its quotation mark; its form has no escapes. */
  const textStart = (index: number): number => start(index) + 1;
  const textEnd = (index: number): number => end(index) - 1;
  const isAt = (index: number, piece: Piece): boolean =>
    end(index) - start(index) === piece.length && piece.isAt(view, start(index));
  const isTime = (index: number): boolean =>
    textEnd(index) - textStart(index) === TIME_LENGTH && memory.isTimeAt(textStart(index));

  const isUtf8 = (): boolean => {
    try {
      utf8.decode(bytes.subarray(0, memory.length));
      return true;
    } catch {
      return false;
    }
  };

  /** Most rows are of the cell and domain that the one before was of. */
  const identity = (): Identity | undefined => {
    if (last !== undefined) {
      const { cell, domain, path, tau } = last;
      if (
        isAt(at.cell, cell) &&
        isAt(at.domain, domain) &&
        isAt(at.path, path) &&
        isAt(at.tau, tau)
      )
        return last;
    }
    const valueAt = (index: number): string =>
      utf8.decode(bytes.subarray(start(index), end(index)));
    const textAt = (index: number): string | null => JSON.parse(valueAt(index)) as string | null;
    const cellId = textAt(at.cell);
    const domainId = textAt(at.domain);
    const tau = isNull(at.tau) ? null : memory.integerAt(start(at.tau), end(at.tau));
    const hasher = FacetHasher.of(cellId, domainId, textAt(at.path), tau);
    if (hasher === undefined) return undefined;
    last = {
      cell: new Piece(valueAt(at.cell)),
      domain: new Piece(valueAt(at.domain)),
      path: new Piece(valueAt(at.path)),
      tau: new Piece(valueAt(at.tau)),
      witnessHead: new Piece(witnessHead(table.name, `${cellId}`, `${domainId}`)),
      hasher,
    };
    return last;
  };

  const isLikelyAt = (place: number): boolean => {
    for (let word = 0; word < likely.length; word += 1) {
      if (view.getInt32(place + 4 * word, true) !== likely[word]) return false;
    }
    return true;
  };

  /** Whether the witness is what `joinWitness` makes of the row, naming any row before. */
  const isWitness = (head: Piece): boolean => {
    const idLength = textEnd(at.id) - textStart(at.id);
    const timeAt = textStart(at.witness) + head.length;
    const idLabelAt = timeAt + TIME_LENGTH;
    const idAt = idLabelAt + ID_LABEL.length;
    const previousLabelAt = idAt + idLength;
    const previousAt = previousLabelAt + PREVIOUS_LABEL.length;
    const digestLabelAt = previousAt + HASH_LENGTH;
    const digestAt = digestLabelAt + DIGEST_LABEL.length;
    return (
      digestAt + HASH_LENGTH === textEnd(at.witness) &&
      head.isAt(view, textStart(at.witness)) &&
      memory.isSame(timeAt, textStart(at.sealed), TIME_LENGTH) &&
      ID_LABEL.isAt(view, idLabelAt) &&
      memory.isSame(idAt, textStart(at.id), idLength) &&
      PREVIOUS_LABEL.isAt(view, previousLabelAt) &&
      (isLikelyAt(previousAt) || memory.isHexAt(previousAt)) &&
      DIGEST_LABEL.isAt(view, digestLabelAt) &&
      memory.isHashAt(digestAt, sha256Hex(layout.payload()))
    );
  };

  /** Whether the quintet is that of the witness hash, to the letter. */
  const isQuintet = (hasher: FacetHasher): boolean => {
    const from = start(at.quintet);
    if (!QUINTET_OPEN.isAt(view, from)) return false;
    hasher.setHash(view, textStart(at.hash));
    // One text of all of it is made sooner than five digests are compared digit by digit.
    const text = anyText.decode(quintetPart.between(from, end(at.quintet)));
    let place = QUINTET_OPEN.length;
    for (let context = 0; context < FACETS; context += 1) {
      if (text.substring(place, place + HASH_LENGTH) !== hasher.facet(context)) return false;
      place += HASH_LENGTH;
      const label = context === FACETS - 1 ? QUINTET_CLOSE : QUINTET_BETWEEN;
      if (!label.isAt(view, from + place)) return false;
      place += label.length;
    }
    return true;
  };

  /** Milliseconds, `undefined` where the time is none. */
  const broadcastAfter = (): number | null | undefined => {
    if (isNull(at.broadcast)) return null;
    const isSameLength =
      end(at.broadcast) - start(at.broadcast) === end(at.sealed) - start(at.sealed);
    if (isSameLength && memory.isSame(start(at.broadcast), start(at.sealed), TIME_LENGTH + 2))
      return 0;
    if (!isTime(at.broadcast)) return undefined;
    return memory.between(textStart(at.sealed), textStart(at.broadcast));
  };

  return (event) => {
    if (!memory.load(event) || !layout.locate()) return undefined;
    if (!layout.isAscii && !isUtf8()) return undefined;
    const idStart = textStart(at.id);
    const idEnd = textEnd(at.id);
    if (isNull(at.id) || !isPlainIdAt(bytes, idStart, idEnd) || !isTime(at.sealed))
      return undefined;
    const seq = isNull(at.seq) ? 0 : memory.integerAt(start(at.seq), end(at.seq));
    const broadcastAfterMs = broadcastAfter();
    if (seq <= 0 || broadcastAfterMs === undefined || !isAt(at.subject, subject)) return undefined;
    const known = identity();
    if (known === undefined || !isWitness(known.witnessHead)) return undefined;
    const witness = witnessPart.between(textStart(at.witness), textEnd(at.witness));
    const witnessHashStart = textStart(at.hash);
    if (textEnd(at.hash) - witnessHashStart !== HASH_LENGTH) return undefined;
    if (!memory.isHashAt(witnessHashStart, sha256Hex(witness))) return undefined;
    if (!isQuintet(known.hasher)) return undefined;
    for (let word = 0; word < likely.length; word += 1) {
      likely[word] = view.getInt32(witnessHashStart + 4 * word, true);
    }
    const firstFacet = start(at.quintet) + QUINTET_OPEN.length;
    return {
      seq,
      broadcastAfterMs,
      idStart,
      idEnd,
      witnessHashStart,
      pathFacetStart: firstFacet + PATH_FACET * FACET_STEP,
      tauFacetStart: firstFacet + TAU_FACET * FACET_STEP,
    };
  };
}

/** The identity that a row is of: its columns as they stand in the event, and what follows of them. */
interface Identity {
  readonly cell: Piece;
  readonly domain: Piece;
  readonly path: Piece;
  readonly tau: Piece;
  readonly witnessHead: Piece;
  readonly hasher: FacetHasher;
}

function rowOf(event: Uint8Array, integers: readonly string[]): RowRecord {
  const text = new TextDecoder().decode(event);
  const { row } = JSON.parse(text) as { readonly row: Record<string, RowValue> };
  for (const name of integers) {
    const value = row[name];
    if (typeof value === "number") row[name] = BigInt(value);
  }
  return row;
}
