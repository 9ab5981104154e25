export {
  CONTEXTS,
  type FederationContext,
  isFederationContext,
  type Quintet,
} from "./contexts.js";
export { type Cosignature, cosignatureMessage } from "./cosignature.js";
export type { KeyPair, PrivateKey, PublicKey } from "./ed25519-keys.js";
export { facets } from "./facets.js";
export {
  type FederationKeyOptions,
  type FederationKeys,
  federationKeys,
  loadFederationKeys,
} from "./federation-keys.js";
export { ensureIdentityText, type SealIdentity } from "./identity.js";
export type { QuintetForm } from "./quintet-entry.js";
export { cosign, cosignFacet, type Seal, sealWitness } from "./seal.js";
export {
  ensureSha256Hex,
  isSha256Hex,
  type Sha256Hex,
  sha256Binary,
  sha256Hex,
  witnessHash,
} from "./sha256.js";
export {
  type Check,
  type Level,
  reaches,
  type VerificationReport,
  verificationReport,
} from "./verification-report.js";
export { type UnverifiedSeal, type VerifySealOptions, verifySeal } from "./verify-seal.js";
export { WitnessError, type WitnessErrorCode } from "./witness-error.js";
