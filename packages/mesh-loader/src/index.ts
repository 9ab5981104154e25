export type { ExplainedImport, Explanation } from "./explain.js";
export { listModules } from "./list-modules.js";
export { LoadedModule, type ModuleNamespace } from "./loaded-module.js";
export type { MeshLoaderOptions } from "./loader-options.js";
export { type LoadOptions, loadFromMesh, MeshLoader } from "./mesh-loader.js";
export { MeshLoaderError, type MeshLoaderErrorCode } from "./mesh-loader-error.js";
export { ensureModuleName, isModuleName, type ModuleName } from "./module-name.js";
export { type PublishedModule, type PublishOptions, publish } from "./publish.js";
export {
  MemoryTrustStore,
  SqliteTrustStore,
  type TrustKey,
  type TrustMark,
  type TrustStore,
  type TrustVerdict,
} from "./trust-store.js";
export type { ModuleWatch, WatchOptions } from "./watch.js";
