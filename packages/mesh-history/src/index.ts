export {
  type MeshEvent,
  type MeshEventKind,
  type MeshHistoryFilter,
  type MeshHistoryInputs,
  type MeshHistoryQueries,
  type MeshHistoryTable,
  type MeshOccurrence,
  meshHistoryModel,
} from "./model.js";
