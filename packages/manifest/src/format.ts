export { type Artifact, MAX_ARTIFACTS } from "./artifact.js";
export {
  type ArtifactPath,
  compareUtf8,
  ensureArtifactPath,
  isArtifactPath,
} from "./artifact-path.js";
export { cosign, Manifest, type ManifestFields, verifyManifestSeal } from "./manifest.js";
export { ManifestError, type ManifestErrorCode } from "./manifest-error.js";
export { formatProducedAt, isProducedAt } from "./produced-at.js";
