export {
  ensurePattern,
  ensureQueueName,
  ensureSubject,
  isPattern,
  isQueueName,
  isSubject,
  isWirePattern,
  isWireSubject,
  MAX_QUEUE_NAME_BYTES,
  MAX_SUBJECT_BYTES,
  type Pattern,
  type QueueName,
  type Subject,
} from "./grammar.js";
export { collides, isLiteral, isSubset, matches } from "./match.js";
export { NatsSubjectError, type NatsSubjectErrorCode } from "./nats-subject-error.js";
