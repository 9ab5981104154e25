export type { DigestProgress } from "./digest-files.js";
export * from "./format.js";
export type { ChangedFile, FoundFile, ManifestReport } from "./manifest-report.js";
export {
  ManifestSigner,
  type ManifestSignerOptions,
  type SignDirectoryOptions,
} from "./manifest-signer.js";
export {
  ManifestVerifier,
  type ManifestVerifierOptions,
  type VerifyOptions,
} from "./manifest-verifier.js";
