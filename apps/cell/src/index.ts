export type { BrokerPolicy } from "./brokers.js";
export { type Cell, type CellOptions, type CellPart, startCell } from "./cell.js";
export { CellError, type CellErrorCode } from "./cell-error.js";
export { type CellConfiguration, configurationPath, loadConfiguration } from "./configuration.js";
export { loadOperatorsFile } from "./operators-file.js";
export { isAlive, type RuntimeState, readRuntimeState } from "./runtime-state.js";
