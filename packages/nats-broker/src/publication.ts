import type { ControlLine } from "./control-line.js";

const CR = 0x0d;
const SPACE = 0x20;

/**
 * A message on its way through the broker.
 *
 * What PUB and HPUB carry after the subject is byte for byte what MSG and HMSG carry after the
 * subscription id. So a publication is kept as that tail, and a delivery is a prefix and the tail.
 */
export interface Publication {
  readonly subject: string;
  /** Empty when no reply is asked for. */
  readonly reply: string;
  /** Bytes of headers at the start of the payload; 0 for a message without headers. */
  readonly headerSize: number;
  /** Bytes of headers and payload. */
  readonly size: number;
  /** `frame` from `tailStart` to `tailEnd` is `[<reply> ][<header size> ]<size>\r\n<payload>\r\n`. */
  readonly frame: Buffer;
  readonly tailStart: number;
  readonly tailEnd: number;
}

/**
 * The publication whose control line is `line`, with the payload right behind it.
 * Its tail is a view where the line is spelled as MSG would be, and a copy otherwise.
 */
export function readPublication(
  bytes: Buffer,
  line: ControlLine,
  sizes: { readonly headerSize: number; readonly size: number; readonly fields: number },
): Publication {
  const { headerSize, size, fields } = sizes;
  const { newline } = line;
  const subject = line.text(0);
  const reply = line.count > fields ? line.text(1) : "";
  const tailEnd = newline + 1 + size + 2;
  // A header size of 0 is a message without headers, which MSG announces with one number.
  if (isSpelledAsDelivered(bytes, line) && (fields === 2 || headerSize > 0)) {
    const tailStart = line.endOf(0) + 1;
    return { subject, reply, headerSize, size, frame: bytes, tailStart, tailEnd };
  }
  const payload = bytes.subarray(newline + 1, tailEnd);
  return spell(subject, reply, headerSize, size, payload);
}

/** The same message for a client that cannot take headers. */
export function withoutHeaders(publication: Publication): Publication {
  const { subject, reply, headerSize, size, frame, tailEnd } = publication;
  const payload = frame.subarray(tailEnd - 2 - size + headerSize, tailEnd);
  return spell(subject, reply, 0, size - headerSize, payload);
}

function spell(
  subject: string,
  reply: string,
  headerSize: number,
  size: number,
  payload: Buffer,
): Publication {
  const numbers = headerSize > 0 ? `${headerSize} ${size}` : `${size}`;
  const line = Buffer.from(reply === "" ? `${numbers}\r\n` : `${reply} ${numbers}\r\n`, "latin1");
  const frame = Buffer.concat([line, payload]);
  return { subject, reply, headerSize, size, frame, tailStart: 0, tailEnd: frame.length };
}

/** Whether single spaces part the arguments and CR LF ends the line. */
function isSpelledAsDelivered(bytes: Buffer, line: ControlLine): boolean {
  const last = line.count - 1;
  for (let index = 0; index < last; index += 1) {
    const end = line.endOf(index);
    if (line.startOf(index + 1) !== end + 1 || bytes[end] !== SPACE) return false;
  }
  return line.endOf(last) === line.newline - 1 && bytes[line.newline - 1] === CR;
}
