import { meshHistoryModel } from "@gaiaftcl/mesh-history";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { modelTarget } from "./cortex.ts";

export const targets: readonly FuzzTarget[] = [modelTarget("mesh-history/model", meshHistoryModel)];
