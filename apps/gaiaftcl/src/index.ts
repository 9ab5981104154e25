// Everything that a consumer of a cell needs, from one import. Whoever needs one part only depends on
// that package alone.
export * from "@gaiaftcl/canonical-json";
export {
  type Cell,
  CellError,
  type CellOptions,
  loadConfiguration,
  startCell,
} from "@gaiaftcl/cell";
export {
  brokerFor,
  brokerUrls,
  type CellLayout,
  cellLayout,
  type HostEnvironment,
} from "@gaiaftcl/cell-layout";
export {
  FranklinClient,
  type FranklinClientOptions,
  FranklinError,
  FranklinServer,
  type FranklinServerOptions,
  loadOperators,
  type Outcome,
  type VerifiedResponse,
} from "@gaiaftcl/franklin-socket";
export { KeyStore, KeyStoreError, loadFederationKeysFile } from "@gaiaftcl/key-store";
export {
  Manifest,
  ManifestError,
  type ManifestReport,
  ManifestSigner,
  ManifestVerifier,
} from "@gaiaftcl/manifest";
export {
  type LoadedModule,
  loadFromMesh,
  MeshLoader,
  MeshLoaderError,
  type MeshLoaderOptions,
  publish,
} from "@gaiaftcl/mesh-loader";
export { NatsBroker, NatsBrokerError } from "@gaiaftcl/nats-broker";
export { NatsSubscribeError, subscribe } from "@gaiaftcl/nats-subscribe";
export { ControlClient, ControlServer, NetControlError, parseTicket } from "@gaiaftcl/net-control";
export {
  Identity,
  issueToken,
  NetIdentityError,
  PermissionToken,
} from "@gaiaftcl/net-identity";
export { MeshNode, type MeshNodeOptions, NetMeshError } from "@gaiaftcl/net-mesh";
export { openSealed, SealedReader, SealedReaderError } from "@gaiaftcl/sealed-reader";
export {
  type RowRecord,
  SEALED_TABLES,
  type SealedTable,
  sealedTable,
  verifyRow,
} from "@gaiaftcl/sealed-row";
export {
  CONTEXTS,
  cosign,
  type FederationKeys,
  facets,
  loadFederationKeys,
  sealWitness,
  type VerificationReport,
  verifySeal,
  WitnessError,
  witnessHash,
} from "@gaiaftcl/witness";
export {
  generateKeyPair,
  type PrivateKey,
  type PublicKey,
  parsePublicKey,
  privateKeyFromPem,
} from "@gaiaftcl/witness/ed25519";
export { type SubscribeToCellOptions, subscribeToCell } from "./subscribe-to-cell.js";
