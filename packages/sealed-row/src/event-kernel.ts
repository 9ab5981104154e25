import { EVENT_RECORD_WORDS } from "./event-record.js";
import type { FacetPrefixes } from "./facet-prefixes.js";
import { instantiateKernel, type KernelMemory } from "./kernel-module.js";
import { isPlainId } from "./plain-id.js";
import { QUOTED_QUINTET_FORM } from "./quintet-text.js";
import { SEAL_COLUMNS, type SealedColumn, type SealedTable } from "./sealed-table.js";

/** The functions of assembly/kernel.as. */
interface KernelExports {
  readonly memory: KernelMemory;
  configure(slots: number): void;
  examine(event: number, length: number): Verdict;
}

/** What became of an event, apart from the three hashes that the caller computes. */
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT];
export const VERDICT = {
  refused: 0,
  found: 1,
  /** Found, where the event is UTF-8, which it is not certain to be. */
  foundText: 2,
  /** Not of the identity set last: it has to be set before the event can be looked at. */
  otherIdentity: 3,
} as const;

// The same as in assembly/memory.as.
const PLAIN = 0x1000;
const SLOTS = 0x1100;
const SLOT_BYTES = 32;
const MOST_SLOTS = 120;
const PIECES = 0x2000;
const ROLES = 0x2100;
const FOUND = 0x2200;
const HASHES = 0x2280;
const MESSAGES = 0x2400;
const MESSAGE_STEP = 0x300;
const MESSAGE_BLOCKS = 0x3400;
const HASH_PLACES = 0x3420;
/** A name of a column, table or subject; all of them together fit where the texts of a table stand. */
const LONGEST_NAME = 100;
/** The texts of the table, then of the identity, each at the beginning of so much room. */
const TEXTS = 0x4000;
const IDENTITY_TEXTS = 0x8000;
const IDENTITY_TEXT_BYTES = 0x800;
const WITNESS = 0xb000;
const PAYLOAD = 0x10000;
/** An event begins here, or at one of the seven bytes behind. */
const EVENT = 0x22000;
/** Shared memory is copied in whole words, where both places are the same ones in a word. */
const WORD_BYTES = 8;
/** Larger events are left to the long way, in which hashing takes most of the time anyhow. */
const CAPACITY = 64 * 1024;
/** So far beyond the end of an event something may be looked at. */
const SLACK = 4 * 1024;
const MEMORY_BYTES = EVENT + WORD_BYTES + CAPACITY + SLACK;
/** Behind the record of an event, the lengths of payload and witness. */
const LENGTHS_FOUND = FOUND / 4 + EVENT_RECORD_WORDS;

const FORMS = { text: 0, plain: 1, integer: 2, quintet: 3 } as const;
/** Of a text that is looked for: its number, as in assembly/pieces.as. */
const PIECE = {
  tail: 0,
  id: 1,
  previous: 2,
  digest: 3,
  quintetOpen: 4,
  quintetBetween: 5,
  quintetClose: 6,
  subject: 7,
  cell: 8,
  domain: 9,
  path: 10,
  tau: 11,
  witnessHead: 12,
} as const;
const HASH_LENGTH = 64;
const HASH_BYTES = 32;
/** A message ends with a bit and its own length, in blocks of 64 bytes (FIPS 180-4, section 5.1). */
const BLOCK_BYTES = 64;
const LENGTH_BYTES = 8;

/** An identity: its columns as they stand in an event, and what follows from them. */
export interface KernelIdentity {
  readonly cell: string;
  readonly domain: string;
  readonly path: string;
  readonly tau: string;
  readonly witnessHead: string;
  readonly prefixes: FacetPrefixes;
}

/**
 * Verifies events of one table in WebAssembly, but for the hashes of the payload, of the witness and
 * of the facet that names the witness hash. Its memory is its own, so that whatever is found in an event
 * stays as it was, also where the event came in memory that others can write to.
 */
export class EventKernel {
  readonly #run: KernelExports;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #payload: Parts;
  readonly #witness: Parts;
  readonly #encoder = new TextEncoder();
  readonly #slots: readonly SealedColumn[];
  #payloadMessage: Uint8Array = new Uint8Array();
  #at = EVENT;
  #length = 0;

  private constructor(table: SealedTable, slots: readonly SealedColumn[], run: KernelExports) {
    this.#run = run;
    this.#slots = slots;
    this.#bytes = new Uint8Array(run.memory.buffer);
    this.#words = new Int32Array(run.memory.buffer);
    this.#payload = new Parts(this.#bytes, PAYLOAD);
    this.#witness = new Parts(this.#bytes, WITNESS);
    for (let code = 0; code < 256; code += 1) {
      this.#bytes[PLAIN + code] = isPlainId(String.fromCharCode(code)) ? 1 : 0;
    }
    this.#writeTable(table);
    run.configure(slots.length);
  }

  /** `undefined` where the platform compiles no WebAssembly, or has no memory for it. */
  static of(table: SealedTable): EventKernel | undefined {
    const slots = [
      { name: "seq", type: "INTEGER", nullable: false } as const,
      ...table.columns,
      ...SEAL_COLUMNS,
    ].toSorted((one, other) => (one.name < other.name ? -1 : 1));
    const texts = [table.name, table.subject, ...slots.map(({ name }) => name)];
    if (slots.length > MOST_SLOTS || texts.some(({ length }) => length > LONGEST_NAME)) {
      return undefined;
    }
    try {
      return new EventKernel(table, slots, instantiateKernel<KernelExports>(MEMORY_BYTES));
    } catch {
      return undefined;
    }
  }

  /** @returns `refused` as well where there is no room for it */
  examine(event: Uint8Array): Verdict {
    const { length } = event;
    if (length > CAPACITY) return VERDICT.refused;
    this.#at = EVENT + (event.byteOffset % WORD_BYTES);
    this.#length = length;
    this.#bytes.set(event, this.#at);
    return this.#run.examine(this.#at, length);
  }

  /** Once more, after the identity was set. */
  examineAgain(): Verdict {
    return this.#run.examine(this.#at, this.#length);
  }

  /** The event that is examined. */
  get event(): Uint8Array {
    return this.#bytes.subarray(this.#at, this.#at + this.#length);
  }

  /** The JSON of a column of the event that is examined. */
  valueOf(name: string): Uint8Array {
    const slot = (SLOTS + this.#slotOf(name) * SLOT_BYTES) / 4;
    return this.#bytes.subarray(this.#words[slot + 4], this.#words[slot + 5]);
  }

  /** @returns false where there is no room for it */
  setIdentity({ cell, domain, path, tau, witnessHead, prefixes }: KernelIdentity): boolean {
    const pieces = [cell, domain, path, tau, witnessHead].map((text) => this.#encoder.encode(text));
    const messages = prefixes.texts.map((text) => this.#encoder.encode(text));
    const longest = MESSAGE_STEP - HASH_LENGTH - 1 - LENGTH_BYTES;
    if (pieces.some(({ length }) => length > IDENTITY_TEXT_BYTES)) return false;
    if (messages.some(({ length }) => length > longest)) return false;
    pieces.forEach((text, index) => {
      this.#setPiece(PIECE.cell + index, text, IDENTITY_TEXTS + index * IDENTITY_TEXT_BYTES);
    });
    const hashes = messages.map((prefix, index) => this.#setMessage(prefix, index));
    // In one of them its value is the hash as well, and a separator stands between the two.
    const payload = hashes[prefixes.payload] ?? 0;
    this.#words.set([...hashes, payload - 1 - HASH_LENGTH], HASH_PLACES / 4);
    this.#payloadMessage = this.#bytes.subarray(
      MESSAGES + prefixes.payload * MESSAGE_STEP,
      payload + HASH_LENGTH,
    );
    return true;
  }

  /**
   * Whether the three hashes that the kernel leaves out are those of the event found last.
   *
   * @param hashOf SHA-256 with one character for each byte
   */
  areHashes(hashOf: (bytes: Uint8Array) => string): boolean {
    const payloadLength = this.#words[LENGTHS_FOUND] as number;
    const witnessLength = this.#words[LENGTHS_FOUND + 1] as number;
    return (
      this.#isHash(0, hashOf(this.#payload.of(payloadLength))) &&
      this.#isHash(1, hashOf(this.#witness.of(witnessLength))) &&
      this.#isHash(2, hashOf(this.#payloadMessage))
    );
  }

  /** Writes the record of the event found last. */
  writeRecord(records: Int32Array, at: number): void {
    const words = this.#words;
    for (let word = 0; word < EVENT_RECORD_WORDS; word += 1) {
      records[at + word] = words[FOUND / 4 + word] as number;
    }
  }

  #isHash(index: number, hash: string): boolean {
    const bytes = this.#bytes;
    const at = HASHES + index * HASH_BYTES;
    let difference = hash.length ^ HASH_BYTES;
    for (let byte = 0; byte < HASH_BYTES; byte += 1) {
      difference |= (bytes[at + byte] as number) ^ hash.charCodeAt(byte);
    }
    return difference === 0;
  }

  #slotOf(name: string): number {
    return this.#slots.findIndex((slot) => slot.name === name);
  }

  /** What all events of the table have in common. */
  #writeTable(table: SealedTable): void {
    let room = TEXTS;
    const put = (text: string): readonly [number, number] => {
      const bytes = this.#encoder.encode(text);
      const at = room;
      this.#bytes.set(bytes, at);
      room += bytes.length;
      return [at, bytes.length];
    };
    this.#slots.forEach((column, index) => {
      const label = put(`${index === 0 ? '{"row":{' : ","}"${column.name}":`);
      const own = table.columns.includes(column) ? `"${column.name}":`.length : 0;
      const form = FORMS[formOf(table, column)];
      this.#words.set([...label, form, own], (SLOTS + index * SLOT_BYTES) / 4);
    });
    const pieces: readonly (readonly [number, string])[] = [
      [PIECE.tail, `},"table":"${table.name}"}`],
      [PIECE.id, ";id="],
      [PIECE.previous, ";prev="],
      [PIECE.digest, ";payload_digest="],
      [PIECE.quintetOpen, QUOTED_QUINTET_FORM.open],
      [PIECE.quintetBetween, QUOTED_QUINTET_FORM.between],
      [PIECE.quintetClose, QUOTED_QUINTET_FORM.close],
      [PIECE.subject, `"${table.subject}"`],
    ];
    for (const [number, text] of pieces) this.#words.set(put(text), PIECES / 4 + number * 2);
    this.#words.set(
      rolesOf(table).map((name) => this.#slotOf(name)),
      ROLES / 4,
    );
  }

  #setPiece(number: number, text: Uint8Array, at: number): void {
    this.#bytes.set(text, at);
    this.#words.set([at, text.length], PIECES / 4 + number * 2);
  }

  /** @returns where the hash at its end begins */
  #setMessage(prefix: Uint8Array, index: number): number {
    const start = MESSAGES + index * MESSAGE_STEP;
    const length = prefix.length + HASH_LENGTH;
    const blocks = Math.ceil((length + 1 + LENGTH_BYTES) / BLOCK_BYTES);
    const end = start + blocks * BLOCK_BYTES;
    this.#bytes.fill(0, start, end);
    this.#bytes.set(prefix, start);
    this.#bytes[start + length] = 0x80;
    new DataView(this.#bytes.buffer).setUint32(end - 4, length * 8);
    this.#words[MESSAGE_BLOCKS / 4 + index] = blocks;
    return start + prefix.length;
  }
}

/** So many lengths of the texts that are hashed are remembered. */
const LENGTHS = 4096;

/** What begins at one place of some bytes, for each length it had: the same ones come again and again. */
class Parts {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #parts: (Uint8Array | undefined)[] = new Array<Uint8Array | undefined>(LENGTHS);

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#start = start;
  }

  /** Good until the bytes change. */
  of(length: number): Uint8Array {
    const known = this.#parts[length];
    if (known !== undefined) return known;
    const part = this.#bytes.subarray(this.#start, this.#start + length);
    if (length < LENGTHS) this.#parts[length] = part;
    return part;
  }
}

/**
 * What a value may look like: `text` is looked at character by character; `plain` holds nothing that
 * has to be escaped, and is compared as a whole later on.
 */
function formOf(table: SealedTable, column: SealedColumn): keyof typeof FORMS {
  if (column.type === "INTEGER") return "integer";
  if (column.name === "signature_quintet") return "quintet";
  const isOwn = table.columns.includes(column) && column.name !== table.idColumn;
  return isOwn ? "text" : "plain";
}

/** The columns that have a role, in the order of assembly/pieces.as. */
function rolesOf({ idColumn }: SealedTable): readonly string[] {
  return [
    idColumn,
    "seq",
    "cell_id",
    "domain_id",
    "lean_artifact_path",
    "tau_block",
    "sealed_at_iso",
    "nats_broadcast_at_iso",
    "canonical_witness",
    "witness_hash_sha256",
    "signature_quintet",
    "nats_subject_sealed",
  ];
}
