import { type Broker, brokerFor, brokersFor } from "@gaiaftcl/cell-layout";
import {
  ensurePattern,
  ensureQueueName,
  isSubject,
  isSubset,
  matches,
  NatsSubjectError,
  type Pattern,
  type QueueName,
} from "@gaiaftcl/nats-subject";
import { SEALED_TABLES, type SealedTable } from "@gaiaftcl/sealed-row";
import { NatsSubscribeError } from "./nats-subscribe-error.js";
import type { BrokerName } from "./status.js";

/** Subjects whose verdict is remembered; an attacker's many do not add up. */
const REMEMBERED = 1024;

/** What a subscription asked for, against which every delivered message is checked again. */
export class SubjectFilter {
  readonly patterns: readonly Pattern[];
  readonly #verdicts = new Map<string, number>();

  /** @throws NatsSubscribeError `SUBJECT_INVALID` */
  constructor(subjects: string | readonly string[]) {
    const wanted = typeof subjects === "string" ? [subjects] : subjects;
    if (!Array.isArray(wanted) || wanted.length === 0) {
      throw new NatsSubscribeError("SUBJECT_INVALID", "expected at least one subject");
    }
    const patterns = [...new Set((wanted as readonly string[]).map(patternOf))];
    // A message must come once, so what another pattern covers is not asked for twice.
    this.patterns = patterns.filter(
      (pattern) => !patterns.some((other) => other !== pattern && isSubset(pattern, other)),
    );
  }

  /** The patterns that messages of this broker may match. */
  patternsOf(broker: BrokerName): readonly Pattern[] {
    if (broker === "shared") return this.patterns;
    return this.patterns.filter((pattern) => brokersFor(pattern).includes(broker));
  }

  /** The sealed tables whose rows this subscription receives from that broker. */
  tablesOf(broker: BrokerName): readonly SealedTable[] {
    return SEALED_TABLES.filter(
      ({ subject }) =>
        (broker === "shared" || brokerFor(subject) === broker) &&
        this.patterns.some((pattern) => matches(pattern, subject)),
    );
  }

  get brokers(): readonly Broker[] {
    return [...new Set(this.patterns.flatMap((pattern) => brokersFor(pattern)))];
  }

  /**
   * Whether a message delivered for `pattern` belongs to it: the subject is one, it matches, its
   * broker is the one that carries it, and no pattern before this one matches it too, since then it
   * is delivered for that one as well.
   */
  accepts(broker: BrokerName, pattern: Pattern, subject: string): boolean {
    const first = this.#firstMatch(subject);
    if (first < 0 || this.patterns[first] !== pattern) return false;
    return broker === "shared" || brokerFor(subject) === broker;
  }

  /** Whether the message belongs to another of the patterns, and comes for that one as well. */
  isTwin(pattern: Pattern, subject: string): boolean {
    const first = this.#firstMatch(subject);
    return first >= 0 && this.patterns[first] !== pattern && matches(pattern, subject);
  }

  #firstMatch(subject: string): number {
    const known = this.#verdicts.get(subject);
    if (known !== undefined) return known;
    const found = isSubject(subject)
      ? this.patterns.findIndex((pattern) => matches(pattern, subject))
      : -1;
    if (this.#verdicts.size >= REMEMBERED) this.#verdicts.clear();
    this.#verdicts.set(subject, found);
    return found;
  }
}

/** @throws NatsSubscribeError `QUEUE_INVALID` */
export function queueOf(name: string | undefined): QueueName | undefined {
  if (name === undefined) return undefined;
  try {
    return ensureQueueName(name);
  } catch (cause) {
    throw refused("QUEUE_INVALID", cause);
  }
}

function patternOf(text: string): Pattern {
  try {
    return ensurePattern(text);
  } catch (cause) {
    throw refused("SUBJECT_INVALID", cause);
  }
}

function refused(code: "SUBJECT_INVALID" | "QUEUE_INVALID", cause: unknown): unknown {
  if (!(cause instanceof NatsSubjectError)) return cause;
  return new NatsSubscribeError(code, cause.message, { cause });
}
