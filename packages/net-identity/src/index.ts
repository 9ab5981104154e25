export { type ChannelName, channelNameProblem, isChannelName } from "@gaiaftcl/channel-name";
export {
  CAUSAL_LINK_BYTES,
  type CausalEvent,
  type CausalFault,
  type CausalLink,
  type CausalProblem,
  causalLinkProblem,
  decodeCausalLink,
  encodeCausalLink,
  genesisLink,
  nextLink,
} from "./causal-link.js";
export {
  type CausalVerdict,
  decodeCausalEvents,
  encodeCausalEvents,
  verifyCausalEvents,
} from "./causal-link-events.js";
export {
  channelHash,
  channelHint,
  ensureChannelName,
  publishStreamId,
} from "./channel-name.js";
export {
  type ChainFault,
  type ChainQuestion,
  type ChainVerdict,
  MAX_CHAIN_LINKS,
  verifyDelegationChain,
} from "./delegation-chain.js";
export { keyedHash, nodeIdOf, originHashOf, verifySignature } from "./entity.js";
export { horizonMayContain, horizonWith } from "./horizon-sketch.js";
export { Identity } from "./identity.js";
export {
  type EnvelopeFault,
  type EnvelopeVerdict,
  IDENTITY_ENVELOPE_BYTES,
  type OpenIdentityOptions,
  openIdentity,
  type SealIdentityOptions,
  sealIdentity,
} from "./identity-envelope.js";
export {
  type DelegateTokenOptions,
  delegateToken,
  type IssueTokenOptions,
  issueToken,
} from "./issue-token.js";
export {
  NetIdentityError,
  type NetIdentityErrorCode,
  type TokenFault,
} from "./net-identity-error.js";
export { generateNetKeypair, type NetKeypair, netKeypairOf } from "./net-keypair.js";
export { PermissionToken, TOKEN_BYTES, type TokenFields } from "./permission-token.js";
export type { RandomBytes } from "./random.js";
export { isSameBytes } from "./same-bytes.js";
export { SCOPE, type ScopeWord, scopeBits, scopeContains, scopeWords } from "./scope.js";
export { TokenCache, type TokenCacheOptions, type TokenQuestion } from "./token-cache.js";
export {
  type TokenVerdict,
  tokenAuthorizes,
  tokenIsExpired,
  tokenValidity,
  verifyToken,
} from "./token-validity.js";
