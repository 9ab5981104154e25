import { NatsSubjectError, type NatsSubjectErrorCode } from "./nats-subject-error.js";

declare const subjectBrand: unique symbol;
declare const patternBrand: unique symbol;
declare const queueBrand: unique symbol;

/** A subject one can publish to: no wildcards. */
export type Subject = string & { readonly [subjectBrand]: true; readonly [patternBrand]: true };
/** A subject one can subscribe to: `*` stands for one token, a last `>` for one or more. */
export type Pattern = string & { readonly [patternBrand]: true };
/** The name of a queue group. */
export type QueueName = string & { readonly [queueBrand]: true };

/** Longest subject or pattern in UTF-8 bytes; two of them and a queue name fit a control line of 4 KiB. */
export const MAX_SUBJECT_BYTES = 1024;
/** Longest queue name in UTF-8 bytes. */
export const MAX_QUEUE_NAME_BYTES = 255;

interface Fault {
  readonly code: NatsSubjectErrorCode;
  readonly offset: number;
  readonly problem: string;
}

/**
 * Whether `text` can be published to: dot-separated, no empty token, no token `*` or `>`, no
 * white space, control character, unpaired surrogate or U+FFFD, at most 1,024 bytes of UTF-8.
 * A `*` or `>` beside other characters of a token is an ordinary character, as in nats-server.
 */
export function isSubject(text: unknown): text is Subject {
  return faultOfSubject(text) === undefined;
}

/**
 * Returns `text` as a subject one can publish to (see {@link isSubject}).
 * @throws {NatsSubjectError} naming the rule it breaks and the offset.
 */
export function ensureSubject(text: unknown): Subject {
  const fault = faultOfSubject(text);
  if (fault !== undefined) throw refusal("a subject without wildcards", text, fault);
  return text as Subject;
}

/** Whether `text` can be subscribed to: as {@link isSubject}, and tokens `*` and a last `>` are allowed. */
export function isPattern(text: unknown): text is Pattern {
  return faultOfPattern(text) === undefined;
}

/**
 * Returns `text` as a subject one can subscribe to (see {@link isPattern}).
 * @throws {NatsSubjectError} naming the rule it breaks and the offset.
 */
export function ensurePattern(text: unknown): Pattern {
  const fault = faultOfPattern(text);
  if (fault !== undefined) throw refusal("a subject or pattern", text, fault);
  return text as Pattern;
}

/** Whether `text` can name a queue group: the rules of {@link isSubject}, at most 255 bytes. */
export function isQueueName(text: unknown): text is QueueName {
  return faultOfQueueName(text) === undefined;
}

/**
 * Returns `text` as the name of a queue group (see {@link isQueueName}).
 * @throws {NatsSubjectError} naming the rule it breaks and the offset.
 */
export function ensureQueueName(text: unknown): QueueName {
  const fault = faultOfQueueName(text);
  if (fault !== undefined) throw refusal("a queue name", text, fault);
  return text as QueueName;
}

/**
 * Whether a broker must accept `text` as the subject of a publication by others: the token rules of
 * {@link isSubject} with any characters and any length. Not a check for what we send ourselves.
 */
export function isWireSubject(text: string): boolean {
  return faultOfTokens(text, false) === undefined;
}

/** As {@link isWireSubject}, for the subject of a subscription: wildcard tokens are allowed. */
export function isWirePattern(text: string): boolean {
  return faultOfTokens(text, true) === undefined;
}

function faultOfSubject(text: unknown): Fault | undefined {
  return faultOfText(text, MAX_SUBJECT_BYTES) ?? faultOfTokens(text as string, false);
}

function faultOfPattern(text: unknown): Fault | undefined {
  return faultOfText(text, MAX_SUBJECT_BYTES) ?? faultOfTokens(text as string, true);
}

function faultOfQueueName(text: unknown): Fault | undefined {
  return faultOfText(text, MAX_QUEUE_NAME_BYTES) ?? faultOfTokens(text as string, false);
}

/**
 * What separates or ends fields of the text protocol, and what does not survive a round trip through
 * UTF-8: two different byte strings must never come to share one subject.
 */
const FORBIDDEN = /[\p{White_Space}\p{Cc}\p{Cs}\uFFFD]/u;

function faultOfText(text: unknown, maxBytes: number): Fault | undefined {
  if (typeof text !== "string") {
    return { code: "NOT_TEXT", offset: 0, problem: "is not a string" };
  }
  if (text === "") return { code: "EMPTY", offset: 0, problem: "is empty" };
  // Every UTF-16 unit takes at least one byte, so this also bounds the work below.
  if (text.length > maxBytes || utf8Length(text) > maxBytes) {
    return { code: "TOO_LONG", offset: 0, problem: `is longer than ${maxBytes} bytes` };
  }
  const forbidden = FORBIDDEN.exec(text);
  if (forbidden === null) return undefined;
  const point = forbidden[0].codePointAt(0) ?? 0;
  const name = `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
  return { code: "CHARACTER", offset: forbidden.index, problem: `contains ${name}` };
}

function faultOfTokens(text: string, wildcards: boolean): Fault | undefined {
  let start = 0;
  while (true) {
    const dot = text.indexOf(".", start);
    const end = dot === -1 ? text.length : dot;
    if (end === start) {
      return { code: "EMPTY_TOKEN", offset: start, problem: "has an empty token" };
    }
    if (end === start + 1) {
      const only = text[start];
      if (!wildcards && (only === "*" || only === ">")) {
        return { code: "WILDCARD", offset: start, problem: `has the wildcard ${only}` };
      }
      if (only === ">" && dot !== -1) {
        return {
          code: "INNER_WILDCARD",
          offset: start,
          problem: "has the wildcard > before its last token",
        };
      }
    }
    if (dot === -1) return undefined;
    start = dot + 1;
  }
}

function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    // Either half of a surrogate pair counts two: together the four bytes of their code point.
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}

function refusal(expected: string, text: unknown, fault: Fault): NatsSubjectError {
  const shown =
    typeof text !== "string" ? typeof text : text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return new NatsSubjectError(
    fault.code,
    `expected ${expected}, found ${JSON.stringify(shown)}, which ${fault.problem} (at offset ${fault.offset})`,
    fault.offset,
  );
}
