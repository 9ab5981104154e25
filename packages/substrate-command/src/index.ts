export {
  type CommandRequest,
  commandKeyLength,
  openReply,
  openRequest,
  opensCancellation,
  type ReplyResult,
  type RequestResult,
  type SealedRequest,
  sealCancellation,
  sealReply,
  sealRequest,
} from "./envelope.js";
export { ReplayWindow } from "./replay-window.js";
export { cancelSubject, commandSubject, progressSubject, verbOfSubject } from "./subjects.js";
export {
  SubstrateCommandError,
  type SubstrateCommandErrorCode,
} from "./substrate-command-error.js";
