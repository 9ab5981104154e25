/** An operation a client may begin a line with; what follows the verb depends on `takes`. */
export interface Verb {
  readonly name:
    | "CONNECT"
    | "PUB"
    | "HPUB"
    | "SUB"
    | "UNSUB"
    | "PING"
    | "PONG"
    | "INFO"
    | "OK"
    | "ERR";
  readonly letters: string;
  /** `spaced`: white space must follow; `any`: arguments may follow at once or not at all. */
  readonly takes: "spaced" | "any";
}

const verb = (name: Verb["name"], takes: Verb["takes"], letters: string = name): Verb => ({
  name,
  letters,
  takes,
});

const CONNECT = verb("CONNECT", "any");
const PUB = verb("PUB", "spaced");
const HPUB = verb("HPUB", "spaced");
const SUB = verb("SUB", "spaced");
const UNSUB = verb("UNSUB", "spaced");
const PING = verb("PING", "any");
const PONG = verb("PONG", "any");
const INFO = verb("INFO", "spaced");
const OK = verb("OK", "any", "+OK");
const ERR = verb("ERR", "spaced", "-ERR");

/**
 * The verb at `start`, in either case; `partial` while the bytes up to `end` could still become one;
 * undefined when they cannot, which is known without waiting for the line to end.
 */
export function verbAt(bytes: Buffer, start: number, end: number): Verb | "partial" | undefined {
  const candidate = candidateAt(bytes, start, end);
  if (candidate === undefined || candidate === "partial") return candidate;
  const { letters } = candidate;
  const available = Math.min(letters.length, end - start);
  for (let index = 1; index < available; index += 1) {
    if (upper(bytes[start + index] as number) !== letters.charCodeAt(index)) return undefined;
  }
  if (end - start < letters.length) return "partial";
  if (candidate.takes === "any") return candidate;
  if (end - start === letters.length) return "partial";
  const next = bytes[start + letters.length];
  return next === 0x20 || next === 0x09 ? candidate : undefined;
}

function candidateAt(bytes: Buffer, start: number, end: number): Verb | "partial" | undefined {
  switch (String.fromCharCode(upper(bytes[start] as number))) {
    case "P": {
      if (end - start < 2) return "partial";
      const second = upper(bytes[start + 1] as number);
      if (second === 0x55) return PUB;
      return second === 0x49 ? PING : PONG;
    }
    case "H":
      return HPUB;
    case "S":
      return SUB;
    case "U":
      return UNSUB;
    case "C":
      return CONNECT;
    case "I":
      return INFO;
    case "+":
      return OK;
    case "-":
      return ERR;
    default:
      return undefined;
  }
}

/** ASCII letters to upper case; all else unchanged. */
function upper(byte: number): number {
  return byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte;
}
