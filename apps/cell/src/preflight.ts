import { access } from "node:fs/promises";
import type { CellLayout } from "@gaiaftcl/cell-layout";
import type { Outcome } from "@gaiaftcl/franklin-socket/server";
import { SUBSTRATE_VERBS } from "@gaiaftcl/substrate";
import type { CellConfiguration } from "./configuration.js";

/** The version of the description a cell gives of itself in `franklin_authority_show`. */
const selfModelVersion = "1.0.0";

/** Every verb an operator can call. */
const verbs = ["franklin_authority_show", ...SUBSTRATE_VERBS] as const;

export function isForwarded(method: string): boolean {
  return (SUBSTRATE_VERBS as readonly string[]).includes(method);
}

/** The miner's verbs begin so; they need the two configuration files of the miner. */
const minerPrefix = "qc021_";

/** The answer to `franklin_authority_show`: what this daemon may do, and within which bounds. */
export async function authority(
  configuration: CellConfiguration,
  layout: CellLayout,
): Promise<Outcome> {
  const missing = await missingMinerFiles(layout);
  return {
    status: "ok",
    cell_id: configuration.cellId,
    domain_id: configuration.domainId,
    authority_tunables: {
      command_timeout_seconds: configuration.commandTimeoutSeconds,
      heartbeat_seconds: configuration.heartbeatSeconds,
    },
    self_model_version: selfModelVersion,
    autonomy_envelope: {
      external_submission: "never",
      miner: missing.length === 0 ? "configured" : "blocked",
      miner_files_missing: missing,
      verbs,
    },
  };
}

/**
 * The answer to a verb that Franklin neither knows nor forwards: the miner's are `blocked`, naming the
 * file that is missing; every other is `refused`.
 */
export async function unknownVerb(method: string, layout: CellLayout): Promise<Outcome> {
  if (!method.startsWith(minerPrefix)) {
    return {
      status: "refused",
      code: "UNKNOWN_VERB",
      reason: `unknown verb ${JSON.stringify(method)}; this cell answers ${verbs.join(", ")}`,
    };
  }
  const missing = await missingMinerFiles(layout);
  return missing.length > 0
    ? {
        status: "blocked",
        code: "MINER_NOT_CONFIGURED",
        reason: `the miner needs ${missing.join(" and ")}; everything else works without`,
      }
    : { status: "blocked", code: "MINER_NOT_INSTALLED", reason: "this cell runs no miner" };
}

async function missingMinerFiles(layout: CellLayout): Promise<string[]> {
  const paths = [layout.krakenConfigPath, layout.bitcoinNodeConfigPath];
  const present = await Promise.all(
    paths.map((path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return paths.filter((_, index) => !present[index]);
}
